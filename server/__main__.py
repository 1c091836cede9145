"""The program: `python -m server`, installed as `hubbub`."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from typing import Any, NoReturn

from server.errors import StartupError
from server.settings import VARIABLES, Settings, SettingsError, load, unknown_variables

ROLES = ("user", "moderator", "admin")
VERBS = {
    "serve": "run the server (the default)",
    "migrate": "bring the database to the newest schema",
    "token": "print a JWT for --user, signed with HUBBUB_SECRET",
    "check": "validate the configuration and end",
    "watch": "have the changes of SCHEMA.TABLE told, as HUBBUB_COLLECTIONS says; again after a change of that",
    "unwatch": "have them told no longer",
}

TABLE_VERBS = {"watch", "unwatch"}


class UsageError(Exception):
    """A command line that cannot be meant. One line."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; its exit status: 0, or 2 for a wrong or missing setting, told in one line on stderr."""
    try:
        arguments = _parse(argv)
        settings = load(_flags(arguments), os.environ)
        for warning in unknown_variables(os.environ):
            print(f"hubbub: {warning}", file=sys.stderr)
        return _RUN[arguments.verb](settings, arguments)
    except (SettingsError, UsageError, StartupError) as error:
        print(f"hubbub: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see hubbub --help")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    arguments, strangers = _parser().parse_known_args(argv)
    if strangers:
        raise UsageError(f"unknown argument {strangers[0].partition('=')[0]}; see hubbub --help")
    if arguments.verb not in VERBS:
        raise UsageError(f'there is no verb "{arguments.verb}"; give one of {", ".join(VERBS)}')
    if arguments.verb == "token" and not arguments.user:
        raise UsageError("token needs --user ID; see hubbub --help")
    if (arguments.verb in TABLE_VERBS) != (arguments.table is not None):
        given = (
            f"{arguments.verb} takes no {arguments.table}"
            if arguments.table
            else f"{arguments.verb} needs SCHEMA.TABLE"
        )
        raise UsageError(f"{given}; see hubbub --help")
    for option in ("user", "name", "role", "expires"):
        if arguments.verb != "token" and getattr(arguments, option) is not None:
            raise UsageError(f"--{option} belongs to the verb token; see hubbub --help")
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="hubbub",
        usage=f"hubbub [{'|'.join(VERBS)}] [SCHEMA.TABLE] [--flag VALUE]...",
        description="A self-hosted realtime server for stock Socket.IO clients.",
        epilog="Every setting is an environment variable, too; its flag overrides it.",
        allow_abbrev=False,
    )
    verbs = "; ".join(f"{verb}: {meaning}" for verb, meaning in VERBS.items())
    parser.add_argument("verb", nargs="?", default="serve", help=verbs)
    parser.add_argument("table", nargs="?", metavar="SCHEMA.TABLE", help="of watch and unwatch")
    token = parser.add_argument_group("token")
    token.add_argument("--user", metavar="ID", help="the user's id (sub)")
    token.add_argument("--name", metavar="NAME", help="the name that others see")
    token.add_argument("--role", choices=ROLES, help="user, moderator or admin (default: user)")
    token.add_argument("--expires", metavar="SECONDS", type=_whole_seconds, help="life of the token (default: 86400)")
    group = parser.add_argument_group("settings")
    for each in VARIABLES:
        default = each.default_help.replace("%", "%%")
        group.add_argument(
            each.flag, dest=each.name, metavar="VALUE", help=f"{each.name}: {each.help} (default: {default})"
        )
    return parser


def _whole_seconds(given: str) -> int:
    if not given.isdecimal() or int(given) == 0:
        raise argparse.ArgumentTypeError(f"{given!r} is no whole number of seconds above 0")
    return int(given)


def _flags(arguments: argparse.Namespace) -> dict[str, str]:
    return {each.name: given for each in VARIABLES if (given := getattr(arguments, each.name)) is not None}


# What a verb needs is imported by that verb alone, so that `check`, `token` and --help answer at once.


def _serve(settings: Settings, _arguments: argparse.Namespace) -> int:
    from server.runner import run  # noqa: PLC0415

    return run(settings)


def _migrate(settings: Settings, _arguments: argparse.Namespace) -> int:
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from models.migrate import upgrade  # noqa: PLC0415

    try:
        upgrade(settings.database_url)
    except (SQLAlchemyError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        raise SettingsError(
            f"DATABASE_URL: the database cannot be migrated ({reason}); see that it runs and that its user may do so"
        ) from error
    print("The database has the newest schema.")
    return 0


def _token(settings: Settings, arguments: argparse.Namespace) -> int:
    import jwt  # noqa: PLC0415

    if settings.secret is None:
        raise SettingsError("HUBBUB_SECRET is missing: it signs tokens; set it to the secret that the server has")
    now = int(time.time())
    claims: dict[str, Any] = {
        "sub": arguments.user,
        "name": arguments.name,
        "role": arguments.role or "user",
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "iat": now,
        "exp": now + (arguments.expires or 86400),
    }
    print(jwt.encode({name: value for name, value in claims.items() if value is not None}, settings.secret, "HS256"))
    return 0


def _check(settings: Settings, _arguments: argparse.Namespace) -> int:
    workers = "1 worker" if settings.workers == 1 else f"{settings.workers} workers"
    database = "SQLite" if settings.database_url.startswith("sqlite") else "PostgreSQL"
    redis = "Redis" if settings.redis_url else "no Redis"
    demo = ", demo mode" if settings.demo else ""
    print(f"The configuration is OK: {settings.host} port {settings.port}, {workers}, {database}, {redis}{demo}.")
    return 0


def _watch(settings: Settings, arguments: argparse.Namespace) -> int:
    from server.watching import watch  # noqa: PLC0415

    print(watch(settings, arguments.table))
    return 0


def _unwatch(settings: Settings, arguments: argparse.Namespace) -> int:
    from server.watching import unwatch  # noqa: PLC0415

    print(unwatch(settings, arguments.table))
    return 0


_RUN = {
    "serve": _serve,
    "migrate": _migrate,
    "token": _token,
    "check": _check,
    "watch": _watch,
    "unwatch": _unwatch,
}

if __name__ == "__main__":
    sys.exit(main())
