# SPDX-License-Identifier: MIT
"""Whether operations kept to the bounds that their interface files state, as the meters of the build `measure` saw it."""
import interfaces
from emulator import ROOT, Failure


def operations():
    """Every operation of the interface files, by its number."""
    problems = interfaces.Problems()
    files = sorted((ROOT / "interfaces").glob("*.interface"))
    model = interfaces.read_interfaces(files, problems)
    if not problems:
        interfaces.Lock(ROOT / "interfaces/lock", problems).reconcile(model, False)
    if problems:
        raise Failure(str(problems))
    return {operation.number: operation for operation in model.operations}


def judge(longest, known):
    """`longest` has instructions by number. Returns what exceeds its bound, a line each, and a line about the whole."""
    seen = sorted((value / known[number].bound, known[number].full_name, value, known[number].bound)
                  for number, value in longest.items() if number in known)
    if not seen:
        return ["no operation was metered"], ""
    over = [f"{name}: bound {bound}, seen {value}" for part, name, value, bound in seen if part > 1]
    _, name, value, bound = seen[-1]
    return over, f"{len(seen)} operations; nearest to its bound: {name}, {value} of {bound}"
