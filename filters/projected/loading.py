"""Models of transformers: safetensors, no code from the hub, no words while they load."""

from pathlib import Path
from typing import Any

from devices.revision import hub_commit


def transformers_model(name: str, **options: Any) -> Any:
    """Load a model from a folder, or the very commit that its identity names, whatever the hub has by now.

    Raises errors of several libraries.
    """
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # a language model's last map is of no use here, which is no news to anybody
    known = {} if Path(name).is_dir() else {"revision": hub_commit(name)}
    return AutoModel.from_pretrained(name, use_safetensors=True, trust_remote_code=False, **known, **options)
