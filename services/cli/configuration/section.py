"""Owns what a section of a file is: one resource of the Management API, as a file describes it; how names are shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from libs.edge.schema import Kind, Property, Resource
from services.token.routes.schemas.promises import Promises

Key = tuple[str, ...]
"""What names an object: an application's name; of a grant, the application's name and the API; of settings, nothing."""

Entries = dict[Key, dict[str, Any]]
"""The objects of a section, each with all its properties, those of its key included."""

Configuration = dict[str, Entries]
"""Entries by section; a section that is not there is not spoken of."""

Check = Callable[[dict[str, Any]], object]


@dataclass(frozen=True, kw_only=True)
class Section:
    """One row."""

    name: str
    """The key in the file; of a member of a key, both with a dot between them."""
    what: str
    """What people call one of its objects."""
    path: str
    """Below `/api/v2/`."""
    resource: Resource
    keys: Key = ()
    listed: str = ""
    """The member of a page that holds its items."""
    id_member: str = "id"
    has_checkpoints: bool = True
    query: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What a property has again when it is removed."""
    is_sparse: bool = False
    """Whether answers leave out what has its default."""
    own_defaults: Callable[[Mapping[str, Any]], Mapping[str, Any]] = field(default=lambda _properties: {})
    """Of those, what depends on the object."""
    memberwise: frozenset[str] = frozenset()
    """Properties whose members are laid over those that are there, by the API and so here."""
    memberwise_deep: frozenset[str] = frozenset()
    """Those of them whose members' members are as well."""
    sent_whole: frozenset[str] = frozenset()
    """Those of them that are laid here alone: the API is sent them with all their members."""
    open_members: frozenset[str] = frozenset()
    """Those of them whose members the administrator names: one that is not in the file is removed by `--delete`."""
    unordered: frozenset[str] = frozenset()
    """Lists whose order means nothing."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What is said of a new object where the file does not."""
    named: Key = ()
    """Sections whose objects this one's name."""
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    """Properties that a file says otherwise than the API: by names rather than by ids."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Properties that a file cannot say, with the reason."""
    read_only: frozenset[str] = frozenset()
    """Members of answers that the resource does not declare; a file may repeat them, to no effect."""
    promises: Promises = field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    @property
    def is_single(self) -> bool:
        """Whether it is one object, which is neither created nor deleted."""
        return not self.keys

    def default(self, name: str, there: Mapping[str, Any]) -> Any:
        """What a property of the object that is there has again when it is removed."""
        return {**self.defaults, **self.own_defaults(there)}.get(name)

    @property
    def writable(self) -> dict[str, Property]:
        """The properties that a file may say."""
        properties = self.resource.properties
        return {each.name: each for each in properties if not each.is_read_only and each.name not in self.left_out}

    @property
    def unwritable(self) -> frozenset[str]:
        """Members that a file may repeat, to no effect."""
        declared = {each.name for each in self.resource.properties if each.is_read_only}
        return (self.read_only | declared) - self.left_out.keys()

    def key_of(self, properties: Mapping[str, Any]) -> Key:
        """What names an object with these properties."""
        return tuple(properties[name] for name in self.keys)

    def label(self, key: Key) -> str:
        """An object's name for people."""
        return f"{self.what} {' → '.join(map(shown_name, key))}".rstrip()


def shown_name(name: str) -> str:
    """A name with what is not printable escaped: it was chosen by others, and a terminal obeys control characters."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in name)
