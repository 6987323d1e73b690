"""Experiment files, and what is run of them."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from motionveil._core.errors import InputError, OptionError, WeightsError
from motionveil.models.weights import WEIGHTS
from motionveil.obfuscation.presets import PRESETS
from motionveil.regions import Where
from motionveil_bench.copies.obfuscations import OBFUSCATIONS, Obfuscation
from motionveil_bench.copies.preparation import Preparation
from motionveil_bench.copies.selections import read_selective, selective_table
from motionveil_bench.models import NETWORKS
from motionveil_bench.protocols.experiment import Experiment, Run
from motionveil_bench.protocols.experiment_file import read_experiment

ROOT = Path(__file__).parents[3]

SMALL = """
dataset = "procedural"
seeds = 2
obfuscators = ["blur_strong", "pixelate_16"]
retrained = ["pixelate_16"]
[tasks]
action = ["small_r3d"]
identity = ["small_bag", "small_r3d"]
[training]
epochs = 2
[training.small_bag]
epochs = 3
[sampling]
spread = true
[sampling.small_bag]
samples = 2
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "small.toml"
    path.write_text(text)
    return path


def test_an_experiment_is_what_its_file_says(tmp_path: Path) -> None:
    experiment = read_experiment(_file(tmp_path, SMALL))
    assert experiment.name == "small"
    assert experiment.training_of("small_r3d").epochs == 2
    assert experiment.training_of("small_bag").epochs == 3
    assert experiment.sampling_of("small_bag").samples == 2
    assert experiment.sampling_of("small_bag").spread
    assert experiment.every_obfuscator() == ("original", "pixelate_16", "blur_strong")
    assert read_experiment(_file(tmp_path, SMALL), dataset="class_folder").dataset == "class_folder"


def test_runs_and_what_they_are_judged_on(tmp_path: Path) -> None:
    experiment = read_experiment(_file(tmp_path, SMALL))
    runs = list(experiment.runs({"action": 3, "identity": 1}))
    assert len(runs) == len(set(runs)) == 2 * 3 * 2
    assert {run.fold for run in runs if run.task == "action"} == {0, 1}
    assert {run.fold for run in runs if run.task == "identity"} == {0}
    frozen = Run("procedural", "action", "small_r3d", "original", 0, 0)
    assert list(experiment.evaluations(frozen)) == [
        ("original", "frozen"), ("blur_strong", "frozen"), ("pixelate_16", "frozen"), ("original", "retrained"),
    ]  # fmt: skip
    own = Run("procedural", "action", "small_r3d", "pixelate_16", 0, 0)
    assert list(experiment.evaluations(own)) == [("pixelate_16", "retrained")]


def test_folds_can_be_chosen(tmp_path: Path) -> None:
    experiment = read_experiment(_file(tmp_path, SMALL.replace("seeds = 2", "seeds = 2\nfolds = [1, 2]")))
    pairs = {(run.seed, run.fold) for run in experiment.runs({"action": 3, "identity": 3})}
    assert pairs == {(0, 1), (0, 2), (1, 1), (1, 2)}
    with pytest.raises(OptionError, match="identity of procedural has the folds 0 to 1"):
        list(experiment.runs({"action": 3, "identity": 2}))


def test_privacy_stands_for_what_a_dataset_has(tmp_path: Path) -> None:
    experiment = read_experiment(_file(tmp_path, SMALL.replace("identity =", "privacy =")))
    assert set(experiment.for_tasks(["action", "gender", "face"]).networks) == {"action", "gender", "face"}
    with pytest.raises(OptionError, match="no privacy attribute"):
        experiment.for_tasks(["action"])
    both = read_experiment(_file(tmp_path, SMALL.replace("[tasks]", '[tasks]\nprivacy = ["small_r3d"]')))
    with pytest.raises(OptionError, match=r"leave tasks\.identity out"):
        both.for_tasks(["action", "identity"])


def test_weights_lie_beside_the_file(tmp_path: Path) -> None:
    experiment = read_experiment(_file(tmp_path, SMALL + "[weights]\nsmall_r3d = 'a.safetensors'\n"))
    assert experiment.weights == {"small_r3d": str(tmp_path / "a.safetensors")}


def test_a_part_of_it(tmp_path: Path) -> None:
    experiment = read_experiment(_file(tmp_path, SMALL))
    part = experiment.only(["blur_strong"])
    assert part.every_obfuscator() == ("original", "blur_strong")
    assert experiment.only([]) == experiment
    with pytest.raises(OptionError, match="has no blurred"):
        experiment.only(["blurred"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("blur_strong", "blur_stronk"), "no obfuscation 'blur_stronk'"),
        (("small_r3d", "large_r3d"), "no network 'large_r3d'"),
        (("epochs = 2", "epoch = 2"), "setting 'epoch'"),
        (("samples = 2", "sample = 2"), "setting 'sample'"),
        (("seeds = 2", "seed = 2"), "setting 'seed'"),
        (("seeds = 2", "seeds = 0"), "seeds of .* at least 1"),
        (('dataset = "procedural"', ""), "dataset of .* is missing"),
        (('["small_r3d"]', '"small_r3d"'), "tasks.action of .* must be a list"),
        (("[tasks]", "[task]"), "setting 'task'"),
        (("[training.small_bag]", "[training.small_bug]"), "names small_bug, which is in no task"),
        (("[tasks]", "weights = 5\n[tasks]"), "must be a table"),
        (("[tasks]", "weights.small_bog = 'a.pt'\n[tasks]"), "weights names small_bog"),
        (("[tasks]", "substitutes.dino = 'parts'\n[tasks]"), "substitutes names dino"),
        (("[tasks]", "folds = [-1]\n[tasks]"), "folds.* at least 0"),
        (("seeds = 2", "seeds = 1.5"), "whole number"),
        (("epochs = 2", "epochs = 2.5"), "whole number"),
        (("seeds = 2", "seeds ="), "no experiment file"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises((OptionError, InputError), match=message):
        read_experiment(_file(tmp_path, SMALL.replace(*change, 1)))


def test_published_weights_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTIONVEIL_WEIGHTS", str(tmp_path))
    text = SMALL.replace('action = ["small_r3d"]', 'action = ["e2s_x3d_s", "mobilenet_v1_050"]')
    with pytest.raises(WeightsError, match="motionveil weights fetch x3d_s"):
        read_experiment(_file(tmp_path, "pretrained = true\n" + text))
    (tmp_path / "X3D_S.pyth").write_bytes(b"weights")
    assert read_experiment(_file(tmp_path, text)).weights == {}
    found = read_experiment(_file(tmp_path, text), pretrained=True).weights
    assert found == {"e2s_x3d_s": str(tmp_path / "X3D_S.pyth")}
    named = read_experiment(_file(tmp_path, text + "[weights]\ne2s_x3d_s = 'mine.pth'"), pretrained=True).weights
    assert named == {"e2s_x3d_s": str(tmp_path / "mine.pth")}


def test_all_published_weights_but_one_are_in_the_table() -> None:
    urls = {weights.url for weights in WEIGHTS.values()}
    published = {name: network.pretrained for name, network in NETWORKS.items() if network.pretrained}
    assert {name for name, url in published.items() if url not in urls} == {"c3d"}


def test_folds_of_each_task(tmp_path: Path) -> None:
    text = SMALL.replace("seeds = ", "folds = { action = [1], privacy = [0, 2] }\nseeds = ")
    experiment = read_experiment(_file(tmp_path, text)).for_tasks(("action", "identity"))
    runs = set(experiment.runs({"action": 2, "identity": 3}))
    assert {run.fold for run in runs if run.task == "action"} == {1}
    assert {run.fold for run in runs if run.task == "identity"} == {0, 2}
    with pytest.raises(OptionError, match=r"identity of .* has the folds 0 to 0"):
        list(experiment.runs({"action": 2, "identity": 1}))
    with pytest.raises(OptionError, match="folds names age"):
        read_experiment(_file(tmp_path, text.replace("action = [1]", "age = [1]")))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no experiment"):
        read_experiment(tmp_path / "none.toml")


SELECTIVE = """
[selective.calm]
preset = "secure"
hide = ["head", "hand"]
opacity = [0.25, 0.5]
margin = 0.02
hold = 0
grain = 5.5
statistics = "kinetics"
[selective.as_it_is]
"""


def test_selective_obfuscations_of_its_own(tmp_path: Path) -> None:
    text = SMALL.replace('"blur_strong", ', '"blur_strong", "calm", ').replace(
        'retrained = ["pixelate_16"]', 'retrained = ["calm", "as_it_is"]'
    )
    experiment = read_experiment(_file(tmp_path, text + SELECTIVE))
    assert experiment.every_obfuscator() == ("original", "calm", "as_it_is", "blur_strong", "pixelate_16")
    assert experiment.selective["as_it_is"] == OBFUSCATIONS["secure"]
    calm = experiment.selective["calm"]
    assert calm.where == Where(hide=("head", "hand"))
    assert calm.preset == replace(
        PRESETS["secure"],
        name="secure, changed",
        coverage=replace(PRESETS["secure"].coverage, thresholds=(0.25, 0.5), margin=0.02, hold=0.0),
        filler_options={"grain": 5.5, "statistics": "kinetics"},
    )
    preparation = Preparation(tmp_path, tmp_path / "work", selective=experiment.selective)
    assert preparation.obfuscation("calm") == calm
    assert preparation.obfuscation("secure") == OBFUSCATIONS["secure"]


def test_networks_stand_in_for_those_of_own_tables(tmp_path: Path) -> None:
    own = {"mine": read_selective({"preset": "paper"}, "a table")}
    preparation = Preparation(tmp_path, tmp_path, substitutes={"dino_vits8": "parts", "raft": "dis"}, selective=own)
    found = preparation.obfuscation("mine")
    assert isinstance(found, Obfuscation)
    assert (found.preset.features, found.preset.flow) == ("parts", "dis")
    assert preparation.substitutes_of("mine") == {"dino_vits8": "parts", "raft": "dis"}


def test_a_table_is_written_as_it_is_read() -> None:
    told = {"preset": "secure", "hide": ["hair", "eyes"], "opacity": [0.1, 0.35], "hold": 0.5, "statistics": "wide"}
    assert tomllib.loads(selective_table("mine", told)) == {"selective": {"mine": told}}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("opacities = [0, 1]", r"\[selective.mine\] of .* has a setting 'opacities' that does not exist"),
        ("preset = 'safe'", r"\[selective.mine\].*unknown preset 'safe'"),
        ("preset = 1", "preset of .* must be a text"),
        ("hide = []", r"\[selective.mine\].*nothing would be hidden"),
        ("hide = ['nose']", r"\[selective.mine\].*unknown template 'nose'"),
        ("hide = 'head'", "hide of .* must be a list"),
        ("opacity = [0.4, 0.2]", r"\[selective.mine\].*two rising numbers"),
        ("opacity = 0.4", "opacity of .* must be a list"),
        ("margin = 0.7", r"\[selective.mine\].*margin must be between"),
        ("margin = '1%'", "margin of .* must be a number"),
        ("hold = -1", r"\[selective.mine\].*hold must be between"),
        ("grain = 0", r"\[selective.mine\].*at least 1"),
        ("grain = inf", "must be a number"),
        ("statistics = 'mine'", r"\[selective.mine\].*unknown statistics 'mine'"),
        ("statistics = 'video'", r"\[selective.mine\].*colours of the video"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        read_experiment(_file(tmp_path, SMALL + f"[selective.mine]\n{table}\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[selective.secure]", "name of another obfuscation"),
        ("[selective.original]", "name of another obfuscation"),
        ("[selective.template_mine]", "name of another obfuscation"),
        ("[learned.grl]\n[selective.grl]", "name of another obfuscation"),
        ("[selective.'../mine']", "letters, digits"),
        ("[selective]\nmine = 1", r"selective\.mine of .* must be a table"),
        ("[[selective]]", "selective of .* must be a table"),
        ("[search]\naction = 'small_r3d'", r"attackers of \[search\] of .* is missing"),
        ("[search]\naction = 'small_r3d'\nattackers = ['none']", "no network 'none'"),
        ("[search]\naction = 'small_r3d'\nattackers = 'small_bag'", "attackers of .* must be a list"),
        ("[search]\naction = 'small_r3d'\nattackers = []", "attackers of .* is missing"),
        ("[search]\naction = 'small_r3d'\nattackers = ['small_bag']\nweight = 2", "number of at most 1"),
        ("[search]\naction = 'small_r3d'\nattackers = ['small_bag']\ntrials = 0", "at least 1"),
        ("[search]\naction = 'small_r3d'\nattackers = ['small_bag']\ntrial = 3", "setting 'trial'"),
        ("[search]\naction = 3\nattackers = ['small_bag']", "action of .* must be a text"),
        ("[[search]]", "must be a table"),
    ],
)
def test_bad_names_and_searches_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        read_experiment(_file(tmp_path, SMALL + text + "\n"))


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.toml")), ids=lambda path: path.stem)
def test_those_that_ship_can_be_read(path: Path) -> None:
    experiment = read_experiment(path)
    assert isinstance(experiment, Experiment)
    assert experiment.title


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[two_fold]]\nobfuscators = ['secure']", "attackers of .* missing"),
        ("[[two_fold]]\nobfuscators = ['secure']\nattackers = []", "attackers of .* missing"),
        ("[[two_fold]]\nobfuscators = ['secure']\natackers = ['small_bag']", "setting 'atackers'"),
        ("[[two_fold]]\nobfuscators = ['secure']\nattackers = ['small_bag']\nseeds = 0", "at least 1"),
        ("[[two_fold]]\nobfuscators = ['secure']\nattackers = ['small_bag']\nlearn_from = 'visp'", "no dataset 'visp'"),
        ("[[two_fold]]\nobfuscators = ['secure']\nattackers = ['smal_bag']", "smal_bag"),
        ("two_fold = 3", "two_fold of .* must be a list"),
        ("learned = 3", "must be a table"),
        ("obfuscators = ['grll']\n[learned.grl]\nutility = 'small_r3d'", "has grl of its own"),
        ("[learned.secure]\nmethod = 'grl'", "name of another"),
        ("[learned.'a b']\nmethod = 'grl'", "cannot be named so"),
        ("trained.mine = 3", "must be a text"),
    ],
)
def test_learned_tables_that_make_no_sense(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(f"dataset = 'procedural'\ntasks.action = ['small_r3d']\n{text}\n")
    with pytest.raises(OptionError, match=words):
        read_experiment(path)


def test_who_is_asked_in_the_two_fold_evaluation(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    path.write_text(
        """
dataset = "procedural"
seeds = 2
retrained = ["pixelate_16"]
[tasks]
action = ["small_r2plus1d"]
identity = ["small_bag"]
[[two_fold]]
seeds = 1
obfuscators = ["pixelate_16", "grl"]
attackers = ["small_resnet", "small_bag"]
[learned.grl]
utility = "small_r3d"
"""
    )
    experiment = read_experiment(path)
    judged = {
        (run.obfuscator, run.task, run.network, run.seed)
        for run in experiment.runs({"action": 3, "identity": 3})
        for _, protocol in experiment.evaluations(run)
        if protocol == "two_fold"
    }
    assert judged == {
        ("pixelate_16", "action", "small_r2plus1d", 0), ("grl", "action", "small_r3d", 0),
        ("pixelate_16", "identity", "small_resnet", 0), ("pixelate_16", "identity", "small_bag", 0),
        ("grl", "identity", "small_resnet", 0), ("grl", "identity", "small_bag", 0),
    }  # fmt: skip
    bag = Run("procedural", "identity", "small_bag", "pixelate_16", 1, 1)
    assert list(experiment.evaluations(bag)) == [("pixelate_16", "retrained")]
