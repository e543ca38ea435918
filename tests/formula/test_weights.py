"""Weights over an axis: one row for all items, or an array that broadcasts against the rows."""

from lossgen.formula import Axis, ClassWeight, EntryWeight, Logit, Role, Sum, loss
from lossgen.formula.symbols import Argument

C = Axis("C")
c = C.index()


def test_weights_of_classes_or_of_entries_are_two_variants():
    @loss
    def made_up(row: Logit[C], w: ClassWeight[C] | EntryWeight[C] = 1):
        """A loss."""
        return Sum(w[c] * row[c], c)

    layouts = {v.label: v.arguments[1].role.layout for v in made_up.variants}
    assert layouts == {"": "shared", "entries": "row"}


def test_symbols_of_one_name_are_one_only_in_one_layout():
    """SymPy keeps what it has computed: a symbol that compares equal may come back in the place of another."""
    shared, row = (Argument("w", Role("Direction", kind, "real", "", axis=C)) for kind in ("weight", "prediction"))
    assert str(shared.role) == str(row.role) and shared != row and 2 * shared != 2 * row
