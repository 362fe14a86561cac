"""Every exception and warning of the package travels between processes."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pkgutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

import stcorner
from stcorner.errors import MissingExtraError, StcornerError


def classes() -> list[type[BaseException]]:
    found: set[type[BaseException]] = set()
    for module in pkgutil.walk_packages(stcorner.__path__, "stcorner."):
        if module.name.endswith("__main__"):
            continue
        try:
            content = vars(importlib.import_module(module.name))
        except MissingExtraError:
            continue
        found |= {
            value
            for value in content.values()
            if inspect.isclass(value)
            and issubclass(value, BaseException)
            and value.__module__.startswith("stcorner")
        }
    return sorted(found, key=lambda one: (one.__module__, one.__name__))


def made(kind: type[BaseException]) -> BaseException:
    """Return one as the package makes it: with as many texts as its constructor takes, at least one."""
    own = kind.__init__ if "__init__" in vars(kind) else None
    names = list(inspect.signature(own).parameters)[1:] if own else ["message"]
    return kind(*(f"some {name}" for name in names))


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_exception_is_pickled(kind: type[BaseException], protocol: int) -> None:
    error = made(kind)
    error.add_note("seen by a worker")
    for same in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error), copy.deepcopy(error)):
        assert type(same) is kind
        assert str(same) == str(error)
        assert same.args == error.args
        assert same.__notes__ == ["seen by a worker"]


def test_the_family_is_found() -> None:
    assert StcornerError in classes()
    assert MissingExtraError in classes()
    assert len(classes()) >= 12


def lacking() -> None:
    raise MissingExtraError("Drawing", "matplotlib", "plot")


def test_a_worker_may_raise_it() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        with pytest.raises(
            MissingExtraError, match=r"Drawing needs matplotlib: pip install 'stcorner\[plot\]'"
        ):
            pool.submit(lacking).result(30)
        assert pool.submit(len, "ab").result(30) == 2, "the pool has not broken"
