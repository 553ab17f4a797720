"""What the libraries raise while they load a model, as errors of one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from storage.errors import UserError, on_one_line
from workbench.modeling.base.out_of_memory import is_out_of_memory
from workbench.recipes.base_configs import OTHER_BASE_ADVICE
from workbench.recipes.base_models import GATED

CODE = (
    "{} brings code of its own, which is run only for those who ask for it: add "
    "--trust-remote-code to `workbench train` if you trust its makers, or {}."
)
UNKNOWN_KIND = "{} is of a kind that transformers {} does not know ({}); update it, or {}."


@contextmanager
def as_user_errors(name: str, part: str = "", advice: str = OTHER_BASE_ADVICE) -> Iterator[None]:
    """Turn what the libraries raise while they load a model into UserError, one sentence each.

    `part` is what is loaded of it, such as "the tokenizer of ". An error that says that memory ran
    out is raised as it is, since it says nothing about the model.
    """
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
    from safetensors import SafetensorError

    what = f"{part}{name}"
    what = what[:1].upper() + what[1:] if part else what
    try:
        yield
    except UserError:
        raise
    except GatedRepoError:
        raise UserError(GATED.format(name)) from None
    except RepositoryNotFoundError:
        raise UserError(f"The hub has no model {name}; check the name or log in.") from None
    except (HfHubHTTPError, ConnectionError, OSError) as error:
        raise UserError(
            f"{what} cannot be loaded ({on_one_line(error)}); check the name, the network, or "
            "give a local folder with --base."
        ) from None
    except SafetensorError as error:
        raise UserError(
            f"{what} cannot be loaded: a weights file (*.safetensors) is damaged "
            f"({on_one_line(error)}); copy it again."
        ) from None
    except Exception as error:  # a damaged or odd file raises what the libraries trip over
        if is_out_of_memory(error):
            raise
        raise UserError(_sentence(error, name, what, advice)) from error


def _sentence(error: Exception, name: str, what: str, advice: str) -> str:
    from transformers import __version__

    message = str(error)
    if "trust_remote_code" in message:
        return CODE.format(name, OTHER_BASE_ADVICE)
    if "does not recognize this architecture" in message:
        return UNKNOWN_KIND.format(name, __version__, message.split("`")[1], OTHER_BASE_ADVICE)
    said = on_one_line(error)
    if not isinstance(error, ValueError):
        said = f"{type(error).__name__}: {said}"
    if what == name:
        advice = f"update transformers ({__version__}), or {advice}"
    return f"{what} cannot be loaded ({said}); {advice}."
