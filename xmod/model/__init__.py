"""The model: encoder, language modules, head, initialisation, and adding a language."""

from xmod.model.counts import parameter_counts
from xmod.model.encoder import Encoder
from xmod.model.heads import MaskedLanguageModel
from xmod.model.initialisation import initialise
from xmod.model.language_modules import Segment
from xmod.model.transfer import add_language, extension_state, load_extension

__all__ = [
    "Encoder",
    "MaskedLanguageModel",
    "Segment",
    "add_language",
    "extension_state",
    "initialise",
    "load_extension",
    "parameter_counts",
]
