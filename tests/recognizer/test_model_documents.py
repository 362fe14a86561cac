"""Model files changed by somebody who can seal them: a model that decides, or `ModelError`."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fuzz.documents import VALUES, changed, members_of, places, sealed

import stcorner
from stcorner.errors import ModelError, ParameterError
from stcorner.recognizer import modelfile
from stcorner.recognizer.loading import from_model_file

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parents[1] / "golden"


def npy(array: np.ndarray) -> bytes:
    import io

    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def put(members: dict[str, bytes], name: str, array: np.ndarray) -> None:
    """Replace an array and announce it, so that only its values are wrong."""
    import hashlib

    data, document = npy(array), json.loads(members["model.json"])
    members[f"arrays/{name}.npy"] = data
    document["members"][f"arrays/{name}.npy"] = {
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    document["arrays"][name] = {"dtype": array.dtype.name, "shape": list(array.shape)}
    members["model.json"] = json.dumps(document).encode()


def network_state() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the state of a network that nobody trained."""
    rng = np.random.default_rng(0)
    shapes = [(3, 1, 256), (3, 256, 128), (3, 128, 64), (3, 64, 64), (3, 64, 32), (32, 256), (256, 2)]
    weights = [
        0.1 * rng.standard_normal(s, dtype=np.float32) for shape in shapes for s in (shape, shape[-1:])
    ]
    arrays: dict[str, np.ndarray] = {f"weights{i:02d}": weight for i, weight in enumerate(weights)}
    arrays |= {"mean": np.zeros(162, np.float32), "scale": np.ones(162, np.float32)}
    arrays |= {"columns": np.arange(162), "knots": np.zeros((0, 162))}
    parameters = stcorner.FERCNNClassifier().get_params()
    meta = {"params": parameters, "classes": ["angry", "sad"], "n_features": 162, "history": {"loss": [1.0]}}
    return meta, arrays


@cache
def model_files() -> dict[str, bytes]:
    files = {kind: (GOLDEN / f"format-1-{kind}.stcorner").read_bytes() for kind in ("audio", "both")}
    members = members_of(files["audio"])
    meta, arrays = network_state()
    for name in [name for name in members if name.startswith("arrays/")]:
        del members[name]
    document = json.loads(members["model.json"])
    document["arrays"] = {}
    document["members"] = {n: m for n, m in document["members"].items() if not n.startswith("arrays/")}
    document["parameters"] |= {"classifier": "fercnn", "recipe": "paper162"}
    document["parts"]["classifier"] = {"kind": "fercnn", "state": meta}
    document["parts"]["calibration"] = {"kind": "temperature", "state": {"temperature": 1.5}}
    document["feature_names"]["audio"] = [f"x{i}" for i in range(162)]
    members["model.json"] = json.dumps(document).encode()
    for name, array in arrays.items():
        put(members, f"classifier/{name}", array)
    return {**files, "fercnn": sealed(members)}


KINDS = ("audio", "both", "fercnn")


def decides(content: bytes) -> bool:
    """Load a model and let it decide on rows near and far; False where it is refused."""
    try:
        model = from_model_file(modelfile._parse(content))
    except ModelError:
        return False
    head = model.predictor_.heads["early"]
    n = head.classifier.n_features_in_
    for rows in (np.zeros((1, n)), np.full((1, n), 1e3)):
        try:
            shares = head.predict_proba(rows, list(model.classes_))
        except ParameterError:
            continue
        assert shares.shape == (1, len(model.classes_))
        assert abs(shares.sum() - 1) < 1e-5
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_themselves_are_models(kind: str) -> None:
    assert decides(model_files()[kind])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("kind", "step"),
    [("audio", 4), *(pytest.param(kind, 1, marks=pytest.mark.slow) for kind in KINDS)],
)
def test_every_place_holds_a_value_of_any_kind_or_is_refused(kind: str, step: int) -> None:
    members = members_of(model_files()[kind])
    at = [place for place in places(json.loads(members["model.json"])) if place[0] != "members"]
    assert len(at) > 60

    def put(parent: Any, key: Any, *, value: Any) -> None:
        parent[key] = value

    outcomes = [decides(changed(members, place, lambda p, k: p.pop(k))) for place in at]
    for place in at:
        outcomes += [
            decides(changed(members, place, functools.partial(put, value=value))) for value in VALUES[::step]
        ]
    assert sum(outcomes) < len(outcomes) / 2


CHANGES: dict[str, tuple[str, Callable[[dict[str, bytes]], None], str]] = {}


def case(kind: str, message: str) -> Callable[[Callable[[dict[str, bytes]], None]], None]:
    def keep(change: Callable[[dict[str, bytes]], None]) -> None:
        CHANGES[change.__name__] = (kind, change, message)

    return keep


def edit(members: dict[str, bytes], *keys: Any, value: Any) -> None:
    document = json.loads(members["model.json"])
    parent = document
    for key in keys[:-1]:
        parent = parent[key]
    parent[keys[-1]] = value
    members["model.json"] = json.dumps(document).encode()


@case("audio", "spread must be finite and >= 1e-12")
def spreads_of_zero(members: dict[str, bytes]) -> None:
    edit(members, "parts", "classifier", "state", "spreads", value=[0.0, 0.0])


@case("audio", "spread must be finite and >= 1e-12")
def spreads_that_overflow(members: dict[str, bytes]) -> None:
    edit(members, "parts", "classifier", "state", "spreads", value=[1e-320, 1.0])


@case("audio", "scale must hold a number > 0")
def a_scale_of_zero(members: dict[str, bytes]) -> None:
    put(members, "classifier/scale", np.zeros(525))


@case("fercnn", "scale must not hold 0")
def an_input_without_a_scale(members: dict[str, bytes]) -> None:
    put(members, "classifier/scale", np.r_[np.ones(161), 0.0].astype(np.float32))


@case("audio", "different labels")
def equal_classes(members: dict[str, bytes]) -> None:
    edit(members, "classes", value=["calm", "calm"])
    edit(members, "parts", "classifier", "state", "classes", value=["calm", "calm"])


@case("audio", "different labels")
def equal_classes_within(members: dict[str, bytes]) -> None:
    edit(members, "parts", "classifier", "state", "classes", value=["calm", "calm"])


@case("audio", "can be printed")
def a_class_that_speaks_to_the_terminal(members: dict[str, bytes]) -> None:
    edit(members, "classes", value=["calm", "\x1b]52;c;YQ==\x07"])


@case("audio", "can be printed")
def a_name_that_turns_the_line_round(members: dict[str, bytes]) -> None:
    edit(members, "name", value="\u202egnp.exe")


@case("audio", "feature names .* must be different")
def equal_feature_names(members: dict[str, bytes]) -> None:
    edit(members, "feature_names", "audio", value=["x"] * 525)


@case("audio", r"array classifier/coef of shape \(1000000, 1000000\) must have 8000000000000 bytes")
def a_shape_beyond_the_file(members: dict[str, bytes]) -> None:
    edit(members, "arrays", "classifier/coef", "shape", value=[10**6, 10**6])


@case("both", "must be float64 of 2 dimensions, got int8")
def a_projection_that_a_cast_would_grow(members: dict[str, bytes]) -> None:
    put(members, "fusion/matrix_0", np.zeros((6, 2253), np.int8))


@case("fercnn", "must be float32")
def weights_that_a_cast_would_grow(members: dict[str, bytes]) -> None:
    put(members, "classifier/weights02", np.zeros((3, 256, 128), np.int8))


@case("audio", "must be .* 'dual'")
def an_array_that_nobody_reads(members: dict[str, bytes]) -> None:
    put(members, "classifier/more", np.zeros(3))


@pytest.mark.parametrize("name", CHANGES)
def test_content_without_meaning_is_refused(name: str) -> None:
    kind, change, message = CHANGES[name]
    members = members_of(model_files()[kind])
    change(members)
    with pytest.raises(ModelError, match=message):
        from_model_file(modelfile._parse(sealed(members)))


def test_a_model_writes_nowhere_that_its_file_names(tmp_path: Path) -> None:
    members, place = members_of(model_files()["fercnn"]), str(tmp_path / "elsewhere")
    edit(members, "parameters", "classifier_params", value={"checkpoint": place, "n_epochs": 3})
    document = json.loads(members["model.json"])
    document["parts"]["classifier"]["state"]["params"]["checkpoint"] = place
    members["model.json"] = json.dumps(document).encode()
    file = modelfile._parse(sealed(members))
    assert file.document.parameters["classifier_params"] == {"n_epochs": 3}
    assert from_model_file(file).predictor_.heads["early"].classifier.params_["checkpoint"] is None
    path = modelfile.write_model(tmp_path / "again.stcorner", file)
    assert place.encode() not in members_of(path.read_bytes())["model.json"]


def test_what_was_fitted_with_a_checkpoint_is_saved_without(tmp_path: Path) -> None:
    model = from_model_file(modelfile._parse(model_files()["fercnn"]))
    model.classifier_params = {"checkpoint": str(tmp_path / "here"), "progress": print, "n_epochs": 7}
    stored = json.loads(members_of(model.save(tmp_path / "m.stcorner").read_bytes())["model.json"])
    assert stored["parameters"]["classifier_params"] == {"n_epochs": 7}
    assert stcorner.load_model(tmp_path / "m.stcorner").classifier_params == {"n_epochs": 7}


def test_a_model_of_zeros_is_stored_so_that_it_is_read_again(tmp_path: Path) -> None:
    file = modelfile._parse(model_files()["fercnn"])
    arrays = {
        name: np.zeros_like(array) if "weights" in name else array for name, array in file.arrays.items()
    }
    path = modelfile.write_model(
        tmp_path / "zeros.stcorner", modelfile.ModelFile(document=file.document, arrays=arrays, card="")
    )
    assert stcorner.load_model(path).predictor_.heads["early"].classifier.n_features_in_ == 162


BOMBS: dict[str, Callable[[dict[str, bytes]], None]] = {
    "projection": lambda m: put(m, "fusion/matrix_0", np.zeros((6, 60_000_000), np.int8)),
    "weights": lambda m: put(m, "classifier/coef", np.zeros((2, 30_000_000), np.float64)),
    "card": lambda m: m.update({"MODEL_CARD.md": b" " * 300_000_000}),
    "lists": lambda m: m.update({"model.json": b'{"format":[' + b"[]," * 2_000_000 + b"1]}"}),
    "mappings": lambda m: m.update({"model.json": b'{"format":[' + b'{"":0},' * 900_000 + b"1]}"}),
    "texts": lambda m: m.update({"model.json": b'{"format":[' + b'"",' * 2_000_000 + b"1]}"}),
    "numbers": lambda m: m.update({"model.json": b'{"format":[' + b"1e5," * 1_500_000 + b"1]}"}),
}

MEASURE = """
import resource, sys
from pathlib import Path
import stcorner.recognizer.loading as persistence
from stcorner.errors import ModelError
persistence.load_model(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    persistence.load_model(sys.argv[2])
except ModelError as error:
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
@pytest.mark.parametrize("bomb", BOMBS)
def test_refusal_takes_less_than_ten_times_the_file(tmp_path: Path, bomb: str) -> None:
    kind = "both" if bomb == "projection" else "audio"
    small, large = tmp_path / "small.stcorner", tmp_path / "large.stcorner"
    small.write_bytes(model_files()[kind])
    members = members_of(model_files()[kind])
    BOMBS[bomb](members)
    large.write_bytes(sealed(members))
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(small), str(large)], capture_output=True, text=True, check=True
    )
    taken, reason = run.stdout.split(" ", 1)
    assert "is refused" in reason
    assert int(taken) < 10 * large.stat().st_size + (1 << 20)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sklearn.tree._tree.Tree", True),
        ("sklearn.neighbors._kd_tree.KDTree", True),
        ("sklearn.calibration._SigmoidCalibration", True),
        ("numpy.testing._private.utils.runstring", False),
        ("numpy.f2py.compile", False),
        ("scipy.io.savemat", False),
        ("sklearn.datasets._base.load_files", False),
        ("sklearn.utils._testing.assert_run_python_script_without_output", False),
        ("sklearn.no.such.Thing", False),
        ("subprocess.Popen", False),
    ],
)
def test_a_classifier_of_scikit_learn_brings_classes_and_no_function(name: str, expected: bool) -> None:
    from stcorner.recognizer.loading import _is_part_of_estimator

    assert _is_part_of_estimator(name) is expected


def test_a_function_within_a_pipeline_is_refused() -> None:
    skops = pytest.importorskip("skops.io", reason="models with classifiers of scikit-learn need skops")
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    from stcorner.recognizer.loading import _undump

    X = np.arange(12.0).reshape(6, 2)
    harmless = make_pipeline(FunctionTransformer(np.log1p), GaussianNB()).fit(X, [0, 1] * 3)
    assert set(_undump(skops.dumps({"early": harmless}))) == {"early"}
    harmless.steps[0][1].func = np.testing.assert_equal
    with pytest.raises(ModelError, match=r"types that are not trusted: numpy\.testing"):
        _undump(skops.dumps({"early": harmless}))


def test_a_pipeline_from_a_file_keeps_nothing_where_the_file_says(tmp_path: Path) -> None:
    skops = pytest.importorskip("skops.io", reason="models with classifiers of scikit-learn need skops")
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    from stcorner.recognizer.loading import _undump

    X, y = np.arange(24.0).reshape(12, 2), [0, 1] * 6
    steps = Pipeline(
        [("scale", StandardScaler()), ("bayes", GaussianNB())], memory=str(tmp_path / "elsewhere")
    )
    search = GridSearchCV(Pipeline([("scale", StandardScaler()), ("bayes", steps)]), {}, cv=2)
    content = skops.dumps({"early": search.fit(X, y)})
    for path in sorted(tmp_path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    clone(_undump(content)["early"]).fit(X, y)
    assert not list(tmp_path.iterdir())
