"""Files that say anything of every section, for hypothesis."""

from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["web", "robot", "page ##X##"])
AUDIENCES = st.sampled_from(["https://a.example", "https://b.example"])


def maybe(**kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: st.none() | kind for name, kind in kinds.items()})


def named(key: str, names: st.SearchStrategy[str], /, **kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    each = st.tuples(names, maybe(**kinds)).map(lambda pair: {key: pair[0], **pair[1]})
    return st.lists(each, max_size=3, unique_by=lambda members: members[key])


SETTINGS = maybe(
    friendly_name=st.sampled_from(["", "Shop"]),
    allowed_signing_algs=st.sampled_from([["RS256"], ["RS256", "ES256"], ["PS256", "RS256"]]),
    session_lifetime=st.sampled_from([1, 0.5, 168]),
).flatmap(
    lambda members: st.dictionaries(st.sampled_from(["enable_sso", "universal_login"]), st.booleans()).map(
        lambda flags: {**members, "flags": flags}
    )
)
APIS = named(
    "identifier",
    AUDIENCES,
    name=st.sampled_from(["A", "B"]),
    token_lifetime=st.sampled_from([60, 86_400]),
    scopes=st.lists(st.sampled_from([{"value": "x"}, {"value": "y"}]), unique_by=lambda each: each["value"]),
)
CLIENTS = named(
    "name",
    NAMES,
    description=st.sampled_from(["", "no", "@@X@@"]),
    app_type=st.sampled_from(["spa", "regular_web", "non_interactive"]),
    callbacks=st.sampled_from([[], ["https://web.example/cb"]]),
    sso_disabled=st.booleans(),
    client_metadata=st.dictionaries(st.sampled_from(["a", "b"]), st.none() | st.sampled_from(["1", "2"])),
    refresh_token=maybe(leeway=st.integers(0, 60)).map(lambda m: {k: v for k, v in m.items() if v is not None}),
)


DATABASES = named(
    "name",
    st.sampled_from(["people", "Staff"]),
    display_name=st.sampled_from(["People", ""]),
    options=maybe(disable_signup=st.booleans(), passwordPolicy=st.sampled_from(["good", "none"])).map(
        lambda m: {k: v for k, v in m.items() if v is not None}
    ),
    metadata=st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"])),
    is_domain_connection=st.booleans(),
)
COLOR = st.sampled_from(["#abc", "#123456"])
BRANDING = maybe(
    colors=st.fixed_dictionaries({}, optional={"primary": COLOR, "page_background": COLOR}),
    logo_url=st.sampled_from(["", "https://logo.example/"]),
    font=st.just({"url": "https://font.example/"}),
)
PROMPTS = st.fixed_dictionaries({}, optional={"identifier_first": st.booleans()})
STAGE = st.fixed_dictionaries({}, optional={"max_attempts": st.integers(1, 3), "rate": st.integers(1000, 1002)})
PROTECTION = st.fixed_dictionaries(
    {},
    optional={
        "bruteForceProtection": st.fixed_dictionaries({}, optional={"max_attempts": st.integers(1, 3)}),
        "suspiciousIpThrottling": st.fixed_dictionaries(
            {},
            optional={
                "allowlist": st.sampled_from([[], ["192.0.2.7"]]),
                "stage": st.dictionaries(st.sampled_from(["pre-login", "pre-user-registration"]), STAGE),
            },
        ),
    },
)


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    sections: dict[str, Any] = {}
    sections["resourceServers"], sections["clients"] = draw(APIS), draw(CLIENTS)
    pairs = [(c["name"], a["identifier"]) for c in sections["clients"] for a in sections["resourceServers"]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    scopes = st.none() | st.sampled_from([[], ["x"]])
    sections["clientGrants"] = [{"client_id": c, "audience": a, "scope": draw(scopes)} for c, a in chosen]
    names = [each["name"] for each in sections["clients"]]
    let_in = st.lists(st.sampled_from(names), unique=True) if names else st.just([])
    sections["databases"] = [{**each, "enabled_clients": draw(let_in)} for each in draw(DATABASES)]
    sections["tenant"], sections["branding"], sections["prompts"] = draw(SETTINGS), draw(BRANDING), draw(PROMPTS)
    sections["attackProtection"] = draw(PROTECTION)
    return sections
