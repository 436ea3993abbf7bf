"""The public reports. That each is found is shown by test_exhibits."""

from futurefsm.fsm.testing import campaign
from futurefsm.fsm.testing.gallery.reports import POOL


def test_every_report_says_where_it_is_from() -> None:
    for exhibit in campaign.PUBLIC:
        assert exhibit.source.startswith("https://github.com/")
        number = exhibit.number.rpartition("-")[2]
        assert number in exhibit.source
    assert len({exhibit.source for exhibit in campaign.PUBLIC}) == len(campaign.PUBLIC)


def test_what_is_broken_and_what_is_right_have_other_names() -> None:
    for exhibit in campaign.PUBLIC:
        assert exhibit.broken.name != exhibit.right.name


def test_a_pools_table_cancels_what_runs() -> None:
    assert POOL.row("running", "cancel").target == "cancelled"
