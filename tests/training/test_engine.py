import cv2
import pytest
import torch
from torch import nn

from training.engine import EngineSettings, Run, train
from training.log import LOSSES, MEASURES, read_rows


class Line:
    """Learn y = 3 x - 1 from points that depend on the step alone."""

    def __init__(self):
        torch.manual_seed(2)
        self.model = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))

    def batches(self, first_step):
        step = first_step
        while True:
            x = torch.randn(16, 1, generator=torch.Generator().manual_seed(step))
            yield x, 3 * x - 1
            step += 1

    def losses(self, batch, *, bfloat16):
        x, y = batch
        return {"loss": (self.model(x) - y).square().mean()}

    def measure(self, model):
        return {"slope": float(model.eval()(torch.ones(1, 1)) - model(torch.zeros(1, 1)))}


def settings(**changes):
    defaults = {"steps": 60, "learning_rate": 0.05, "log_every": 10, "ema_decay": 0.9}
    return EngineSettings(**(defaults | changes))


def rows(folder, name=LOSSES):
    return read_rows(folder / name)


def test_loss_falls_and_the_log_tells(tmp_path):
    run = train(Line(), settings(steps=200, log_every=50), tmp_path, resume=False)
    log = rows(tmp_path)
    assert run.step == 200
    assert [int(row["step"]) for row in log] == [50, 100, 150, 200]
    assert float(log[-1]["loss"]) < 3  # the variance of y is 9


def test_resumed_run_equals_an_uninterrupted_one(tmp_path, monkeypatch):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    expected = train(Line(), settings(), whole, resume=False)

    class StoppedLine(Line):
        def batches(self, first_step):
            for step, batch in enumerate(super().batches(first_step), first_step):
                if step == 35:
                    raise KeyboardInterrupt
                yield batch

    with pytest.raises(KeyboardInterrupt):
        train(StoppedLine(), settings(checkpoint_minutes=0.0), parts, resume=False)
    resumed = train(Line(), settings(), parts, resume=True)
    for name in ("model", "average"):
        first, second = getattr(expected, name), getattr(resumed, name)
        for key, value in first.state_dict().items():
            assert torch.equal(value, second.state_dict()[key]), key
    loss = [[(row["step"], row["loss"]) for row in rows(folder)] for folder in (whole, parts)]
    assert loss[0] == loss[1]


def test_measurements_and_curves_lie_beside_the_log(tmp_path):
    train(Line(), settings(measure_every=20), tmp_path, resume=False)
    measured = rows(tmp_path, MEASURES)
    assert [int(row["step"]) for row in measured] == [20, 40, 60]
    assert abs(float(measured[-1]["slope"]) - 3) < 2
    assert list((tmp_path / "tensorboard").iterdir())
    for name in ("loss.png", "measures.png"):
        assert cv2.imread(str(tmp_path / name)) is not None


def test_step_with_an_infinite_gradient_is_left_out(caplog):
    run = Run(nn.Linear(1, 1), settings())
    before = run.model.weight.detach().clone()
    run.advance({"loss": (run.model(torch.ones(1, 1)) * torch.inf).sum()})
    assert torch.equal(run.model.weight, before)
    assert "left out" in caplog.text


def test_rate_warms_up_then_falls_to_its_share():
    chosen = settings(warm_up=0.1, final_rate=0.01)
    rates = [chosen.rate(progress / 100) for progress in range(101)]
    assert rates.index(max(rates)) == 10
    assert rates[0] == pytest.approx(0.05 * 0.01)
    assert rates[-1] == pytest.approx(0.05 * 0.01)


def test_progress_counts_steps_or_minutes():
    assert settings().progress(30, 1e9) == 0.5
    assert EngineSettings(minutes=2).progress(10**9, 60) == 0.5


@pytest.mark.parametrize("given", [{}, {"steps": 1, "minutes": 1}])
def test_length_is_given_once(given):
    with pytest.raises(ValueError, match="steps or minutes"):
        EngineSettings(**given)
