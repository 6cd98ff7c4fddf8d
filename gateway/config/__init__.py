"""``config.yaml`` -> typed sections; an error names the path and the value."""

from gateway.config.database import DatabaseSection
from gateway.config.faults import ConfigError, Fault
from gateway.config.load import load_config
from gateway.config.sections import (
    Config,
    DefaultsSection,
    LlmSection,
    MemorySection,
    ServerSection,
)
from gateway.config.source import RolesSpec, SourceSection, SummarySpec
from gateway.config.warmup import WarmupSection

__all__ = [
    "Config",
    "ConfigError",
    "DatabaseSection",
    "DefaultsSection",
    "Fault",
    "LlmSection",
    "MemorySection",
    "RolesSpec",
    "ServerSection",
    "SourceSection",
    "SummarySpec",
    "WarmupSection",
    "load_config",
]
