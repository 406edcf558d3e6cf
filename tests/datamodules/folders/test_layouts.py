import re
import unicodedata
from pathlib import Path

import pytest

from datamodules import ImageFolder
from datamodules.folders.layouts import Layout, understood
from networks.errors import InputError
from tests.support.trees import plant


def alike(images: dict[str, int], *splits: str) -> dict[str, dict[str, int]]:
    return dict.fromkeys(splits, images)


#: patterns of files, the images of every class by split, and what is remarked
UNDERSTOOD: dict[str, tuple[list[str], dict[str, dict[str, int]], str]] = {
    "classes": (["{a,b}/{1..3}.png"], {"train": {"a": 3, "b": 3}}, "^$"),
    "splits": (["{train,val,test}/{a,b}/1.png"], alike({"a": 1, "b": 1}, "train", "val", "test"), "^$"),
    "Training": (
        ["{Training,Testing}/{a,b}/{1,2}.png"],
        alike({"a": 2, "b": 2}, "train", "test"),
        "'Training' is train, 'Testing' is test",
    ),
    "valid": (
        ["{TRAIN,valid,Test}/{a,b}/1.png"],
        alike({"a": 1, "b": 1}, "train", "val", "test"),
        "'valid' is val",
    ),
    "eval is val": (
        ["{train,eval,test}/{a,b}/1.png"],
        alike({"a": 1, "b": 1}, "train", "val", "test"),
        "'eval' is val$",
    ),
    "eval is test": (
        ["{train,dev,evaluation}/{a,b}/1.png"],
        alike({"a": 1, "b": 1}, "train", "val", "test"),
        "'dev' is val, 'evaluation' is test$",
    ),
    "train_set": (
        ["{train_set,devSet,TestImages2017}/{a,b}/1.png"],
        alike({"a": 1, "b": 1}, "train", "val", "test"),
        "",
    ),
    "prefixed, in folders of the same name": (
        ["{seg_train/seg_train,seg_test/seg_test}/{a,b}/1.png", "seg_pred/{1..7}.png"],
        alike({"a": 1, "b": 1}, "train", "test"),
        "7 images in 'seg_pred', beside the splits",
    ),
    "too deep": (["data/set/{a,b}/1.png", "data/readme.txt"], {"train": {"a": 1, "b": 1}}, "lies in 'data/set'"),
    "splits too deep": (
        ["set/{train,test}/{a,b}/1.png", "__MACOSX/set/train/a/._1.png"],
        alike({"a": 1, "b": 1}, "train", "test"),
        "lies in 'set'",
    ),
    "train alone": (["train/{a,b}/1.png"], {"train": {"a": 1, "b": 1}}, "^$"),
    "splits inside the classes": (
        ["{a,b}/{train,test}/{1,2}.png"],
        alike({"a": 2, "b": 2}, "train", "test"),
        "splits lie inside the class folders",
    ),
    "patients": (
        ["a/{p1,p2}/{1,2}.png", "b/{p3,p4,p5}/1.png"],
        {"train": {"a": 4, "b": 3}},
        "hold 5 folders.*group_by",
    ),
    "data beside papers": (
        ["papers/{a,b}/x.txt", "data/{train,test}/{a,b}/1.png"],
        alike({"a": 1, "b": 1}, "train", "test"),
        "lies in 'data'",
    ),
    "words that end like splits": (
        ["{train station,contest,set}/1.png"],
        {"train": {"contest": 1, "set": 1, "train station": 1}},
        "^$",
    ),
    "unlabelled test": (
        ["train/{a,b}/1.png", "test/{1..9}.png"],
        {"train": {"a": 1, "b": 1}},
        "left out: 9 images in 'test', without class folders",
    ),
    "unlabelled val in one folder": (
        ["train/{a,b}/images/1.JPEG", "val/images/{1..9}.png"],
        {"train": {"a": 1, "b": 1}},
        "the val split, which holds 'images' alone",
    ),
    "strays": (
        ["{train,test}/{a,b}/1.png", "{1,2}.png", "more/c/{1..4}.png"],
        alike({"a": 1, "b": 1}, "train", "test"),
        "4 images in 'more', beside the splits.*2 images in '.*' beside its folders",
    ),
    "stray images beside classes": (["{a,b}/1.png", "{1..3}.jpg"], {"train": {"a": 1, "b": 1}}, "left out: 3 images"),
    "a class that test lacks": (
        ["train/{a,b,c}/1.png", "test/{a,c}/1.png"],
        {"train": {"a": 1, "b": 1, "c": 1}, "test": {"a": 1, "b": 0, "c": 1}},
        "^$",
    ),
    "hidden": (
        [
            "{a,b}/1.png",
            "{a,b}/.ipynb_checkpoints/1.png",
            ".trash/1.png",
            "{lost+found,__MACOSX}/1.png",
            "a/._1.png",
            "b/@eaDir/1.png",
        ],
        {"train": {"a": 1, "b": 1}},
        "^$",
    ),
    "a folder named like an image": (["a/x.png/{1,2}.png", "b/1.PNG"], {"train": {"a": 2, "b": 1}}, "^$"),
    "classes that differ in case": (["{Cat,cat}/1.png"], {"train": {"Cat": 1, "cat": 1}}, "differ in case or spaces"),
}


def counts(layout: Layout) -> dict[str, dict[str, int]]:
    return {split: {name: len(files) for name, files in images.items()} for split, images in layout.splits.items()}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_what_people_bring_is_understood(tmp_path: Path, name: str) -> None:
    patterns, expected, remark = UNDERSTOOD[name]
    layout = understood(plant(tmp_path, *patterns))
    assert counts(layout) == expected
    images = [file for split in layout.splits.values() for files in split.values() for file in files]
    assert len(set(images)) == len(images)
    for split in layout.splits.values():
        assert all(label in file.parts for label, files in split.items() for file in files)
    assert re.search(remark, "; ".join(layout.remarks)), layout.remarks


REFUSED: dict[str, tuple[list[str], str]] = {
    "no train": (["{val,test}/{a,b}/1.png"], "holds 'test', 'val', but no train split"),
    "splits without classes": (["{train,test}/{1,2}.png"], "holds 'test', 'train' with images, but no class folders"),
    "train twice": (["{train,Training,test}/{a,b}/1.png"], "'Training' and 'train', both the train split"),
    "two versions": (
        ["{v1,v2}/{train,test}/{a,b}/1.png"],
        "v1' holds splits, 'test', 'train': pass --data.root '.*v1'",
    ),
    "data beside figures": (
        ["data/{train,test}/{a,b}/1.png", "figures/1.png"],
        "data' holds splits, 'test', 'train': p",
    ),
    "segmentation": (["{images,masks}/{1,2}.png"], "as data for segmentation or detection do"),
    "detection": (["{train,val}/images/1.png", "{train,val}/labels/1.txt"], "as data for segmentation or detection do"),
    "detection, the other way round": (["images/{train,val}/1.png", "labels/{train,val}/1.txt"], "segmentation or det"),
    "a split or a class": (
        ["train/{a,b}/1.png", "{bus,car}/1.png"],
        "'train', a split by its name, beside 'bus', 'car'",
    ),
    "a train among vehicles": (
        ["{bus,car,train}/1.png"],
        "'train', a split by its name, beside 'bus', 'car' with imag",
    ),
    "a test among classes": (
        ["{cat,dog,test}/1.png"],
        "'test', a split by its name, beside 'cat', 'dog' with images: pass",
    ),
    "a train of folders among vehicles": (
        ["{bus,car,train}/{p1,p2}/1.png"],
        "beside 'bus', 'car' with images: pass --d",
    ),
    "one class in other case": (["train/{Cat,Dog}/1.png", "test/cat/1.png"], "'cat' in test is 'Cat' in train"),
    "images for translation": (["{trainA,trainB,testA,testB}/1.png"], "'testA', .* with images, but no class folders"),
    "hospitals": (
        ["{A,B}/{normal,ill}/1.png"],
        "each of 'A', 'B'.*holds the folders 'ill', 'normal': pass --data.class_l",
    ),
    "splits in words unknown here": (
        ["{entrainement,essai}/{a,b}/1.png"],
        "each of 'entrainement', 'essai'|each of 'essai'",
    ),
    "folds": (["fold{1..7}/{a,b}/1.png"], "each of 'fold1', .*'fold5' and 2 more"),
    "another class in test": (
        ["train/{a,b}/1.png", "test/{a,b,c}/1.png"],
        "test holds the classes 'c', which train does",
    ),
    "a class in other case": (["train/{Cat,Dog}/1.png", "test/{cat,Dog}/1.png"], "'cat' in test is 'Cat' in train"),
    "a class with a space": (["train/{a b,c}/1.png", "val/{a_b,c}/1.png"], "'a_b' in val is 'a b' in train"),
    "patients, and a class in other formats": (
        ["a/{p1,p2}/1.png", "b/{p3,p4}/1.xyz"],
        "b' holds no image; it holds 2 .x",
    ),
    "other formats alone": (["a/1.png", "b/{1..3}.xyz"], "b' holds no image; it holds 3 .xyz: fill it, or"),
    "one class": (["a/{1,2}.png"], r"one class only \('a'\)"),
    "a class's own folder": (["{1,2}.png"], "holds files, and no folders.*pass the folder that holds it"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_mean_two_things_is_refused(tmp_path: Path, name: str) -> None:
    patterns, sentence = REFUSED[name]
    with pytest.raises(InputError, match=sentence) as error:
        understood(plant(tmp_path, *patterns))
    assert "\n" not in str(error.value)


def test_the_level_of_the_classes(tmp_path: Path) -> None:
    plant(tmp_path, "{A,B}/{normal,ill}/{1,2}.png")
    assert counts(understood(tmp_path, 1)) == {"train": {"A": 4, "B": 4}}
    assert counts(understood(tmp_path, 2)) == {"train": {"ill": 4, "normal": 4}}
    with pytest.raises(InputError, match="no folders at level 3"):
        understood(tmp_path, 3)
    for inside in ("", "{p1,p2}/"):
        root = plant(tmp_path / f"vehicles{inside}", f"{{bus,car,train}}/{inside}1.png")
        assert list(understood(root, 1).splits["train"]) == ["bus", "car", "train"]


def test_a_split_alone_tells_of_its_siblings(tmp_path: Path) -> None:
    plant(tmp_path, "{train,val,test}/{a,b}/1.png")
    assert "nothing beside it is read, 'test', 'val': pass --data.root" in understood(tmp_path / "train").remarks[0]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    plant(tmp_path / "elsewhere", "b/{1..3}.png", "more/{4,5}.png")
    root = plant(tmp_path / "root", "a/1.png")
    (root / "b").symlink_to(tmp_path / "elsewhere" / "b")
    (root / "a" / "more").symlink_to(tmp_path / "elsewhere" / "more")
    (root / "a" / "up").symlink_to(root)
    assert counts(understood(root))["train"]["b"] == 3
    (root / "a" / "up").unlink()
    (root / "a" / "self").symlink_to(root / "a")
    assert counts(understood(root)) == {"train": {"a": 3, "b": 3}}
    (root / "c").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"root/c' is a link to something that is not there: mend or remove it"):
        understood(root)
    (root / "c").unlink()
    (root / "c").symlink_to(root / "c")
    with pytest.raises(InputError, match=r"root/c' is a link to something that is not there"):
        understood(root)


def test_one_name_written_in_two_ways_is_one_class(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "été") for form in ("NFC", "NFD"))
    plant(tmp_path, f"train/{{{decomposed},b}}/1.png", f"test/{{{composed},b}}/1.png", f"train/{composed}/2.png")
    assert counts(understood(tmp_path)) == {"train": {"b": 1, composed: 2}, "test": {"b": 1, composed: 1}}


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    plant(tmp_path, "{a,b}/{1..4}.png", "a/{1..3}.xyz", "b/{note.txt,README}")
    assert understood(tmp_path).left_out == {".xyz": 3, ".txt": 1, "without extension": 1}
    lines = ImageFolder(str(tmp_path)).described()
    assert lines[3] == "5 files skipped (3 .xyz, 1 .txt, 1 without extension)"
