"""Whatever an exported program holds: it is a network, or it is refused before torch reads it."""

import shutil
from pathlib import Path

import pytest
import torch

from networks import Exported, InputError
from networks.imported.exported_check import check_program
from tests.hostile.conftest import one_sentence, untouched
from tests.hostile.programs import PROGRAMS, good_program, records_of, write_records
from tests.hostile.watch import watched


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("program") / "good.pt2"
    good_program(file)
    return file


def test_the_records_of_a_good_one_make_a_good_one(program: Path, tmp_path: Path) -> None:
    write_records(tmp_path / "again.pt2", records_of(program))
    x = torch.rand(3, 1, 8, 8)
    assert torch.equal(Exported(str(tmp_path / "again.pt2"))(x), Exported(str(program))(x))


@pytest.mark.parametrize("name", PROGRAMS)
def test_refused(name: str, program: Path, home: Path) -> None:
    records = records_of(program)
    PROGRAMS[name](records, home / "canary")
    write_records(home / "bad.pt2", records)
    with watched(home / "bad.pt2") as seen, pytest.raises(InputError) as caught:
        Exported(str(home / "bad.pt2"))(torch.rand(1, 1, 8, 8))
    assert one_sentence(caught.value) and "bad.pt2" in str(caught.value), str(caught.value)
    assert not seen and untouched(home)


def test_two_files_of_one_name(program: Path, home: Path) -> None:
    import zipfile

    shutil.copy(program, home / "bad.pt2")
    with zipfile.ZipFile(home / "bad.pt2", "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("good/models/model.json", b"{}")
    with pytest.raises(InputError, match="two files of one name"):
        check_program(home / "bad.pt2")


def test_networks_of_other_makers_pass(tmp_path: Path) -> None:
    """Sizes that depend on the input, conditions on them, attention, and gradients switched off in the middle."""

    class Odd(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.linear = torch.nn.Conv2d(3, 4, 3, stride=2), torch.nn.Linear(4, 5)
            self.attention = torch.nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.conv(x)
            with torch.no_grad():
                mean = h.mean((2, 3), keepdim=True)
            h = torch.nn.functional.interpolate(h - mean, size=(x.shape[2], x.shape[3]))
            tokens, _ = self.attention(*3 * (h.flatten(2).transpose(1, 2),))
            return self.linear(tokens.mean(1)) + torch.einsum("bi,ij->bj", tokens.mean(1), torch.eye(4, 5))

    network, x = Odd().eval(), torch.rand(2, 3, 16, 16)
    dynamic = ({0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO},)
    torch.export.save(torch.export.export(network, (x,), dynamic_shapes=dynamic), tmp_path / "odd.pt2")
    y = torch.rand(3, 3, 12, 20)
    assert torch.allclose(Exported(str(tmp_path / "odd.pt2"))(y), network(y), atol=1e-6)
