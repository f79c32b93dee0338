"""The networks in PyTorch: shapes, learning, equivariance, checkpoints and ONNX."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from debleed import nets
from debleed.nets.weights import shipped
from debleed.recording import InputError

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'debleed[train]'")

from debleed.nets import checkpoint, losses  # noqa: E402
from debleed.nets.wave_unet import GraphAttention  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(3)


def tiny(name, **changes):
    return nets.build(name, dataclasses.replace(nets.variants(name)["tiny"], **changes))


def stage(name, batch=2, samples=16384):
    """Sources in bursts and their linear bleed; one microphone for a network that hears one alone."""
    rng = np.random.default_rng(8)
    t = np.arange(samples) / 22050
    sources = np.stack([[np.sin(2 * np.pi * f * t) for f in rng.uniform(100, 2000, 4)] for _ in range(batch)])
    sources *= rng.uniform(size=(batch, 4, 16)).repeat(samples // 16, axis=2) > 0.4
    mics = (np.eye(4) + 0.3 * (1 - np.eye(4))) @ sources
    kept = slice(0, 1) if nets.NETS[name].alone else slice(None)
    return tuple(torch.tensor(z[:, kept], dtype=torch.float32) for z in (mics, sources))


@pytest.mark.parametrize("name", nets.NETS)
@pytest.mark.parametrize("samples", [1, 999, 22050])
def test_shapes_stay(name, samples):
    count = 1 if nets.NETS[name].alone else 4
    with torch.no_grad():
        assert tiny(name).eval()(torch.randn(2, count, samples)).shape == (2, count, samples)


@pytest.mark.parametrize("name", nets.NETS)
def test_overfits_one_batch(name):
    mics, images = stage(name, samples=4096)
    network = tiny(name, **({"dilations": (1, 1, 1, 1)} if name == "df-unet" else {}))
    adam = torch.optim.Adam(network.parameters(), lr=1e-2)
    before = float(losses.squared(mics, images))
    for _ in range(60):
        adam.zero_grad()
        network.loss(mics, images).backward()
        adam.step()
    with torch.no_grad():
        assert float(losses.squared(network(mics), images)) < 0.6 * before


@pytest.mark.parametrize(
    ("name", "millions"),
    [("di-cae", 39.5), ("t-unet", 3.7), ("f-unet", 3.2), ("df-unet", 3.2), ("df-unet-gat", 3.3)],
)
def test_waspaa2023_layouts(name, millions):
    config = nets.variants(name)["published"]
    with torch.device("meta"):
        network = nets.build(name, config)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, rel=0.05)


def test_waspaa2023_di_cae_learns():
    network = nets.build("di-cae", nets.variants("di-cae")["published"])
    mics, images = stage("di-cae", batch=1, samples=8192)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    first = float(network.loss(mics, images).detach())
    for _ in range(3):
        adam.zero_grad()
        network.loss(mics, images).backward()
        adam.step()
    assert float(network.loss(mics, images).detach()) < first


def test_narrow_di_cae_resynthesises():
    network = tiny("di-cae")
    network.output = lambda rows: torch.ones(len(rows), network.config.nfft // 2 + 1)
    x = torch.randn(1, 2, 5000)
    torch.testing.assert_close(network(x), x, atol=1e-5, rtol=0)


def test_t_unet_unmixes_what_it_tells():
    network = tiny("t-unet")
    mics, _ = stage("t-unet")
    with torch.no_grad():
        matrix = network.matrix(mics)
        torch.testing.assert_close(matrix @ network(mics), mics, atol=1e-4, rtol=1e-3)
    assert torch.equal(matrix.diagonal(dim1=1, dim2=2), torch.ones(2, 4))


def test_residual_networks_begin_at_doing_nothing():
    x = torch.randn(1, 4, 4000)
    for name in ("f-unet", "df-unet", "df-unet-gat"):
        assert torch.equal(tiny(name)(x), x)


def test_attention_starts_from_weights_without_it(tmp_path):
    without, path = tiny("df-unet").eval(), tmp_path / "a.safetensors"
    torch.nn.init.normal_(without.last.weight)
    checkpoint.save(path, {f"net.{k}": v for k, v in without.state_dict().items()}, {})
    attentive = tiny("df-unet-gat").eval()
    checkpoint.load_network(path, attentive, new=("attention.", "gate."))
    x = torch.randn(1, 4, 3000)
    with torch.no_grad():
        torch.testing.assert_close(attentive(x), without(x))
    with pytest.raises(InputError, match="another network or variant"):
        checkpoint.load_network(path, attentive)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_attention_is_equivariant_and_takes_any_number(count):
    network = tiny("df-unet-gat").eval()
    for part in (network.last.weight, network.attention.weight.weight):
        torch.nn.init.normal_(part)
    x = torch.randn(1, count, 3000)
    order = torch.randperm(count)
    with torch.no_grad():
        torch.testing.assert_close(network(x[:, order]), network(x)[:, order], atol=1e-5, rtol=1e-4)
        assert (network(x) - x).abs().max() > 0.01


def test_attention_weighs_neighbours():
    layer = GraphAttention(3, threshold=0.9)
    x = torch.tensor([[[1.0, 1.0, -1.0], [0.0, 0.0, 0.5], [0.0, 0.0, 1.0]]])[..., None]  # (1, features, mics, 1)
    found = layer(x)
    alone = layer(x[:, :, 2:])
    torch.testing.assert_close(found[:, :, 2:], alone)  # the third is like no other, so it hears itself alone
    torch.testing.assert_close(found[:, :, :1], layer(x[:, :, :1]))  # the mean of two that are the same


def test_logarithmic_loss_counts_decibels():
    images = torch.zeros(1, 1, 8)
    loud, soft = (float(losses.logarithmic(torch.full((1, 1, 8), level), images)) for level in (10.0, 1.0))
    assert loud - soft == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("name", nets.NETS)
def test_onnx_equals_torch(name, tmp_path):
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    from debleed.nets.exporting import export

    network = tiny(name).eval()
    for parameter in network.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    path = tmp_path / "net.onnx"
    any_mics = name == "df-unet-gat"
    export(network, path, any_mics=any_mics, half=False)
    module, (count, samples) = network.export()
    x = torch.randn(1, 3 if any_mics else count, samples)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = module(x).numpy()
    found = session.run(None, {"mics": x.numpy()})[0]
    assert np.abs(found - expected).max() < 1e-3 * np.abs(expected).max()  # measured: 3e-6, di-cae's divisions 3e-4


def test_checkpoints_come_back(tmp_path):
    network = tiny("df-unet")
    checkpoint.save(tmp_path / "a.safetensors", {f"net.{k}": v for k, v in network.state_dict().items()}, {"step": 3})
    other = tiny("df-unet")
    assert checkpoint.load_network(tmp_path / "a.safetensors", other)["step"] == 3
    for a, b in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(InputError, match="another network or variant"):
        checkpoint.load_network(tmp_path / "a.safetensors", tiny("t-unet"))


def test_damaged_and_other_checkpoints_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    with pytest.raises(InputError, match="does not exist"):
        checkpoint.load(path)
    checkpoint.save(path, {"net.x": torch.arange(64.0)}, {})
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(InputError, match="damaged"):
        checkpoint.load(path)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(InputError, match="damaged: its checksum"):
        checkpoint.load(path)
    monkeypatch.setattr(checkpoint, "FORMAT", 2)
    path.write_bytes(whole)
    with pytest.raises(InputError, match="format 1, but this version reads format 2"):
        checkpoint.load(path)


@pytest.mark.parametrize("name", shipped())
def test_shipped_weights_go_on(name):
    from debleed.nets.weights import FOLDER, describe

    told = describe(FOLDER / f"{name}.onnx")
    network = nets.build(told["net"], nets.variants(told["net"])[told["variant"]])
    checkpoint.load_network(FOLDER / f"{name}.safetensors", network)
    assert json.loads(json.dumps(dataclasses.asdict(network.config))) == told["config"]
    assert Path(FOLDER / f"{name}.md").is_file()


def test_unknown_networks_are_refused():
    with pytest.raises(InputError, match="no network 'magic'; the networks are di-cae"):
        nets.variants("magic")
