"""Formulas on lines of text: fractions, scripts and cases in two dimensions, lines broken where they are too wide."""

from collections.abc import Iterable, Sequence
from itertools import dropwhile

from .boxes import EMPTY, Box, beside, box, bracket, over, padded
from .glyphs import FRACTIONS
from .inline import inline, lowered_text, raised_text
from .pieces import Piece, pieces
from .tex import Fraction, Group, Node, Root, Rows, Scripts, Sign, parse

#: Lines after the first one of a formula that is broken stand in by so much; further, if they begin within a term.
INDENT, FURTHER = 2, 2
#: No part of a formula is set narrower than this, however deep it lies.
NARROWEST = 24
#: What a break costs for each bracket that it is in, in shares of a line that is left empty.
WITHIN = 1.3


def set_display(lines: Sequence[str], width: int) -> list[str]:
    """The lines of a display in LaTeX as text, of at most this width where it can be broken; a `&` is where they align."""
    rows = whole_rows([cells_of(parse(line).nodes) for line in lines])
    lefts = [_left(row[0]) if len(row) > 1 else EMPTY for row in rows]
    indent = max((left.width for left in lefts if left.width <= width // 3), default=0)
    found: list[Box] = []
    for row, left in zip(rows, lefts, strict=True):
        if len(row) == 1:
            found += wrapped(row[0], width)
            continue
        right = [node for cell in row[1:] for node in cell]
        if left.width > indent:
            found += wrapped(row[0], width)
            head = box(" " * INDENT)
        else:
            head = Box(tuple(padded(line, indent, 1.0) for line in left.lines), left.base)
        gap = box(" " if left.width else "")
        first, *rest = wrapped(right, max(width - head.width - gap.width, NARROWEST), "ord" if left.width else "")
        found.append(beside([head, gap, first]))
        found += [beside([box(" " * (head.width + gap.width)), each]) for each in rest]
    return _lines(found)


def whole_rows(rows: Iterable[list[list[Node]]]) -> list[list[list[Node]]]:
    """The rows, a line that goes on from the one before it joined with it: it begins with white space.

    Print breaks lines at its own width; here they are broken anew.
    """
    found: list[list[list[Node]]] = []
    for row in rows:
        place = next((at for at, cell in enumerate(row) if cell), 0)
        if found and _is_space(*row[place][:1]) and place < len(found[-1]):
            found[-1][place] += dropwhile(_is_space, row[place])
        else:
            found.append([list(cell) for cell in row])
    return found


def _is_space(node: Node | None = None) -> bool:
    return isinstance(node, Sign) and node.kind == "space"


def _left(nodes: Sequence[Node]) -> Box:
    """What stands left of where lines align: a derivative, ∂ℓ/∂x, on one line."""
    match nodes:
        case [Fraction()]:
            return box(inline(nodes))
    return _flat(nodes)


def cells_of(nodes: Sequence[Node]) -> list[list[Node]]:
    """The nodes between the signs of alignment."""
    cells: list[list[Node]] = [[]]
    for node in nodes:
        if isinstance(node, Sign) and node.kind == "align":
            cells.append([])
        else:
            cells[-1].append(node)
    return cells


def _lines(boxes: Iterable[Box]) -> list[str]:
    """The boxes under each other; an empty line where one of two is more than one line high."""
    found: list[str] = []
    tall = False
    for each in boxes:
        if found and (tall or len(each.lines) > 1):
            found.append("")
        found += [line.rstrip() for line in each.lines]
        tall = len(each.lines) > 1
    return found


def wrapped(nodes: Sequence[Node], width: int, before: str = "") -> list[Box]:
    """The nodes on as many lines as they need; `before` is the kind of what stands before them."""
    left = [(piece, set_node(piece.node, width - INDENT - FURTHER - 2)) for piece in pieces(nodes, before)]
    found: list[Box] = []
    while left:
        first = left[0][0]
        head = "· " if found and first.factor else ""
        indent = (INDENT + FURTHER * (first.factor or first.level > 0)) if found else 0
        end = _end([p for p, _ in left], [b.width + p.space for p, b in left], width - indent - len(head))
        line = joined(left[:end], head)
        found.append(beside([box(" " * indent), line]))
        left = left[end:]
    return found or [EMPTY]


def _end(row: Sequence[Piece], widths: Sequence[int], room: int) -> int:
    """How many pieces stand on the line: up to the break that costs least."""
    total, best, least = 0, 0, float("inf")
    for position, (piece, width) in enumerate(zip(row, widths, strict=True)):
        if piece.cost is not None and position:
            cost = 1 - total / room + WITHIN * piece.level + piece.cost
            if cost <= least:
                best, least = position, cost
        total += width
        if total > room:
            break
    else:
        return len(row)
    return best or next((p for p, piece in enumerate(row) if piece.cost is not None and p), len(row))


def joined(line: Sequence[tuple[Piece, Box]], head: str = "") -> Box:
    """The pieces of one line side by side, brackets as high as what they hold."""
    boxes = [b for _, b in line]
    stack: list[int] = []
    for position, (piece, _) in enumerate(line):
        if piece.kind == "open":
            stack.append(position)
        elif piece.kind == "close":
            first = stack.pop() if stack else -1
            _stretch(boxes, line, first, position)
    while stack:
        _stretch(boxes, line, stack.pop(), len(line))
    spaces = [box(" " * (piece.space if position else 0)) for position, (piece, _) in enumerate(line)]
    return beside([box(head), *(b for pair in zip(spaces, boxes, strict=True) for b in pair)])


def _stretch(boxes: list[Box], line: Sequence[tuple[Piece, Box]], first: int, last: int) -> None:
    """Makes the brackets at these places, of which one may be on another line, as high as what is between."""
    inside = boxes[first + 1 : last] or [EMPTY]
    above, below = max(b.above for b in inside), max(b.below for b in inside)
    for place in (first, last):
        if 0 <= place < len(boxes):
            boxes[place] = _bracketed(line[place][0].node, above, below)


def _bracketed(node: Node, above: int, below: int) -> Box:
    """A bracket with its scripts."""
    if isinstance(node, Scripts):
        return _with_scripts(_bracketed(node.base, above, below), node.below, node.above)
    return bracket(node.text, above, below)


def _flat(nodes: Sequence[Node]) -> Box:
    return joined([(piece, set_node(piece.node, 10_000)) for piece in pieces(nodes)])


def _block(nodes: Sequence[Node], width: int) -> Box:
    """The nodes as one box, broken into lines where they are wider."""
    lines = wrapped(nodes, max(width, NARROWEST))
    return lines[0] if len(lines) == 1 else over(lines, 0)


def set_node(node: Node, width: int) -> Box:
    """The box of a node, which is broken where it is wider and can be."""
    match node:
        case Sign(text):
            return box(text)
        case Group() | Root():
            return _flat((node,))
        case Fraction(above, below):
            return _fraction(above, below, width)
        case Scripts(Sign(_, "large") as sign, below, above):
            return _limits(box(sign.text), below, above)
        case Scripts(base, below, above):
            return _with_scripts(set_node(base, width), below, above)
        case Rows():
            return _rows(node, width)


def _fraction(above: Group, below: Group, width: int) -> Box:
    short = FRACTIONS.get(f"{inline(above.nodes)}/{inline(below.nodes)}")
    if short:
        return box(short)
    top, bottom = _block(above.nodes, width - 2), _block(below.nodes, width - 2)
    bar = box("─" * (max(top.width, bottom.width) + 2))
    return over([top, bar, bottom], 1, 0.5)


def _with_scripts(base: Box, below: Group | None, above: Group | None) -> Box:
    found = base if below is None else beside([base, box(lowered_text(below))])
    if above is None:
        return found
    high = box(raised_text(above))
    return beside([found, Box((*high.lines, *[" " * high.width] * base.above), base.above)])


def _limits(sign: Box, below: Group | None, above: Group | None) -> Box:
    """A large operator, with what it runs over below it; a single letter stands beside it."""
    if above is None and below is not None and len(inline(below.nodes)) <= 2:
        return beside([sign, box(f"_{inline(below.nodes)}")])
    parts = [_flat(above.nodes)] if above is not None else []
    return over([*parts, sign, *([_flat(below.nodes)] if below is not None else [])], len(parts), 0.5)


def _rows(node: Rows, width: int) -> Box:
    """Lines of cells in columns: cases with a brace, a matrix with brackets."""
    rows = whole_rows([[list(cell.nodes) for cell in row] for row in node.rows])
    columns = max(map(len, rows), default=0)
    if node.environment in ("cases", "dcases") and columns == 2:
        body = over(_cases(rows, width - 2), 0)
        middle = len(body.lines) // 2
        return beside([bracket("{", middle, len(body.lines) - middle - 1), Box((" ",)), Box(body.lines, middle)])
    table = [[_flat(cell) for cell in row] for row in rows]
    widths = [max((row[at].width for row in table if at < len(row)), default=0) for at in range(columns)]
    lines = [beside(_column(cell, w, " ") for cell, w in zip(row, widths, strict=False)) for row in table] or [EMPTY]
    body = over(lines, 0)
    return Box(body.lines, len(body.lines) // 2)


def _cases(rows: Sequence[Sequence[Sequence[Node]]], width: int) -> list[Box]:
    """The lines of cases: conditions in a column, or below their values where both do not fit beside each other."""
    pairs = [(row[0], row[1] if len(row) > 1 else []) for row in rows]
    column = max(_flat(condition).width for _, condition in pairs)
    if column > width // 2 or width - column - 3 < NARROWEST:
        found = []
        for value, condition in pairs:
            found += wrapped(value, max(width, NARROWEST))
            found += [beside([box(" " * INDENT), line]) for line in wrapped(condition, max(width - INDENT, NARROWEST))]
        return found
    values = [_block(value, width - column - 3) for value, _ in pairs]
    space = max(v.width for v in values) + 3
    return [beside([_column(v, space), _flat(c)]) for v, (_, c) in zip(values, pairs, strict=True)]


def _column(cell: Box, width: int, gap: str = "") -> Box:
    return Box(tuple(padded(line, width) + gap for line in cell.lines), cell.base)
