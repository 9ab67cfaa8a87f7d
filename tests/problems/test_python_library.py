"""Laws of the standard library as data: every statement once, in order, and reading twice repeats no work."""

import ast

from t2t_mm.problems.python_library import ReadOnce, statements

CODE = """
import a
def f():
    try:
        x = 1
    except E:
        y = 2
    else:
        z = 3
    finally:
        w = 4
    match x:
        case 1:
            v = 5
class C:
    async def g(self):
        with h as i:
            return 6
"""


def test_statements_are_all_statements_in_the_order_of_the_source():
    module = ast.parse(CODE)
    found = list(statements(module))
    assert {id(node) for node in found} == {id(node) for node in ast.walk(module) if isinstance(node, ast.stmt)}
    assert [node.lineno for node in found] == sorted(node.lineno for node in found)


def test_readers_share_the_work_of_one_producer():
    produced = []

    def produce():
        for number in range(5):
            produced.append(number)
            yield number

    numbers = ReadOnce(produce)
    early = iter(numbers)
    assert (next(early), next(early)) == (0, 1) and produced == [0, 1]
    assert list(numbers) == [0, 1, 2, 3, 4] == list(numbers)
    assert list(early) == [2, 3, 4] and produced == [0, 1, 2, 3, 4]
