"""The main job, shown: real input, real questions, real processes, and every future's way."""
