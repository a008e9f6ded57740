"""Support for array libraries: `Ops`, its subclass per library, and the registry of them."""

from infoq.backends.arrays import Array
from infoq.backends.capabilities import CAPABILITIES, Capabilities, Capability
from infoq.backends.conformance import check
from infoq.backends.ops import Ops, Seed, stream
from infoq.backends.registry import available, ops_for, ops_of, register, registered

__all__ = [
    "CAPABILITIES",
    "Array",
    "Capabilities",
    "Capability",
    "Ops",
    "Seed",
    "available",
    "check",
    "ops_for",
    "ops_of",
    "register",
    "registered",
    "stream",
]
