"""What the libraries raise while they load a model, as errors of one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from storage.errors import UserError, on_one_line
from workbench.recipes.base_models import GATED


@contextmanager
def as_user_errors(name: str) -> Iterator[None]:
    """Turn what the libraries raise while they load a model into UserError, one sentence each."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
    from safetensors import SafetensorError

    try:
        yield
    except GatedRepoError:
        raise UserError(GATED.format(name)) from None
    except RepositoryNotFoundError:
        raise UserError(f"The hub has no model {name}; check the name or log in.") from None
    except (HfHubHTTPError, ConnectionError, OSError) as error:
        raise UserError(
            f"{name} cannot be loaded ({on_one_line(error)}); check the name, the network, or "
            "give a local folder with --base."
        ) from None
    except SafetensorError as error:
        raise UserError(
            f"{name} cannot be loaded: a weights file (*.safetensors) is damaged "
            f"({on_one_line(error)}); copy it again."
        ) from None
    except ValueError as error:
        raise UserError(
            f"{name} cannot be loaded ({on_one_line(error)}); give another base with --base."
        ) from None
