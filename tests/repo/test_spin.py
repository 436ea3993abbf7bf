"""The long comparison with SPIN works; here it compares the smallest system."""

import shutil

import pytest

from benchmarks import spin


@pytest.mark.system("spin", "gcc", "libc6-dev")
def test_a_system_is_compared_and_a_difference_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not (shutil.which("spin") and shutil.which("gcc")):
        pytest.skip("spin or gcc is not installed")
    real = spin.look

    def look(graph: object, what: object) -> object:
        return "a story" if getattr(what, "name", "") == "Once" else real(graph, what)  # type: ignore[arg-type]

    monkeypatch.setattr(spin, "look", look)
    assert spin.main(["strict_alone"]) == 1
    said = capsys.readouterr().out
    assert "Once: False, SPIN says True" in said
    # Everything else they see alike, the number of states too.
    assert said.count("SPIN") == 1


def test_what_cannot_be_compared_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(spin.shutil, "which", lambda program: program)
    assert spin.main(["nothing"]) == 2
    assert "no such system: nothing; there are confirmed_meant" in capsys.readouterr().err
    monkeypatch.setattr(spin.shutil, "which", lambda program: None)
    assert spin.main([]) == 2
    assert spin.main(["--if-installed"]) == 0
    assert "not installed: spin, gcc" in capsys.readouterr().err
