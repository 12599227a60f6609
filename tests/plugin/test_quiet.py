"""Messages of other libraries are suppressed."""

from __future__ import annotations

import logging
import warnings

import pytest

from camctl.kit.quiet import quiet


def test_messages_are_suppressed_in_the_block_only(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.root.manager.disable
    with quiet():
        print("advice")  # noqa: T201
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.getLogger("library").warning("advice")
        assert not logging.getLogger("library").isEnabledFor(logging.WARNING)
        assert logging.getLogger("library").isEnabledFor(logging.ERROR)

    assert capsys.readouterr() == ("", "")
    assert logging.root.manager.disable == before
    with pytest.warns(DeprecationWarning, match="old"):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
