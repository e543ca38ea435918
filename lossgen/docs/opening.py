"""The sections that open a handbook: a table for choosing a loss, how pages come about, what every call may be given."""

from collections.abc import Iterable, Sequence

from lossgen.pages.blocks import Block, Code, Display, Items, Page, Paragraph, Plain, Runs, Section, Table, prose

#: What the sentence starts with that says what a loss is for.
USE = "Use it "


def opening(pages: Sequence[Page]) -> tuple[Section, ...]:
    """The sections, in order."""
    return _choosing(pages), _derivation(), _common()


def by_family(pages: Iterable[Page]) -> dict[str, list[Page]]:
    """The pages by family; families and losses in alphabetical order."""
    found: dict[str, list[Page]] = {}
    for page in sorted(pages, key=lambda page: (page.family, page.name)):
        found.setdefault(page.family, []).append(page)
    return found


def title_of(family: str) -> str:
    """The title of a family, from the name of its folder."""
    return family.replace("_", " ").replace("/", ", ").capitalize() or "Losses"


def _choosing(pages: Sequence[Page]) -> Section:
    """For each family a table of what its losses are for."""
    blocks: list[Block] = [Paragraph(prose("What each loss is for, in the words of its author, by family."))]
    for family, members in by_family(pages).items():
        rows = tuple((_task(page), (Code(page.name),)) for page in members)
        blocks += [Table((prose(title_of(family)), prose("Loss")), rows, 0)]
    return Section("choosing", "Choosing a loss", tuple(blocks))


def _task(page: Page) -> Runs:
    """What the loss is for, without the words that every such sentence starts with; its purpose where nothing is said."""
    use = page.section("use")
    items = use.blocks[0] if use else None
    said = items.items[0][0].runs if isinstance(items, Items) else ()
    if not said or not said[0].text.startswith(USE):
        return page.purpose
    task = said[0].text.removeprefix(USE)
    return (Plain(task[:1].upper() + task[1:]), *said[1:])


def _derivation() -> Section:
    """How a formula becomes what a page shows, on one page."""
    blocks: list[Block] = [
        Paragraph(prose(line))
        for line in (
            "Each page comes from one formula, which an author wrote as it stands in the paper: no log-sum-exp, no clamps. "
            "The definition is that formula. All else is derived from it, by the same derivation from which the kernels "
            "come, so that a page says what is computed.",
            "Differentiation. One operator goes through the formula and is given what a leaf contributes. With the "
            "indicator of an entry it yields the gradient for that entry, with a direction the slope along it; applied "
            "twice, the curvature. Sums over an axis collapse where an indicator meets them:",
        )
    ]
    blocks.append(Display((r"\frac{\partial x_c}{\partial x_k} &= [c = k]", r"\sum_c [c = k] \, f(c) &= f(k)")))
    blocks += [
        Paragraph(prose(line))
        for line in (
            "Stability. The textbook form of a derivative is right on paper and loses its digits in a computer: a "
            "probability minus 1 cancels, an exponential overflows. Named rules rewrite every result. Each rule is an "
            "identity with a stated domain, tested by itself in arithmetic of 50 digits; the section on the derivation of "
            "each page lists those that were applied, in their order. Typical ones are",
        )
    ]
    blocks.append(
        Display(
            (
                r"\log \sum_c e^{x_c} &= \operatorname{LSE}_c \, x_c",
                r"1 - \sigma(x) &= \sigma(-x)",
                r"\log \sigma(x) &= -\operatorname{softplus}(-x)",
                r"e^{u} - 1 &= \operatorname{expm1}(u)",
            )
        )
    )
    blocks += [
        Paragraph(prose(line))
        for line in (
            "Recurrences. A loss over alignments or paths fills cells from cells before them. Its gradient is the reversed "
            "recurrence: every read of a cell at an offset becomes a contribution from the negated offset.",
            "Accuracy. Values and derivatives that kernels compute are held against the formula as it was written, "
            "differentiated in 70 digits or more, on random and on hard inputs. The tables of accuracy give the worst "
            "error found, in units in the last place of the exact result (ulp); where the files have changed since a "
            "check, they say that it is not measured.",
            "Notation. The loss of one item is ℓ. A bracket such as [c = k] is 1 where the condition holds, and 0 "
            "elsewhere. Indices in lower case run over the axis of the same letter; an axis in upper case stands for its "
            "length. Log is the natural logarithm.",
        )
    ]
    return Section("derivation", "How a page comes about", tuple(blocks))


_OPTIONS = (
    (
        "reduction",
        "what becomes of the items' losses: each page says which reductions there are, and what `mean` divides by",
    ),
    (
        "axis",
        "where an axis lies in the arrays, if not where the page says: an integer, a tuple, or one for each axis by name",
    ),
    ("sample_weight", "a factor for each item, broadcast to the items; it does not enter the denominator of `mean`"),
    ("mask", "booleans, one for each item: where False an item counts nothing, whatever it holds"),
    ("denominator", "divides the sum in place of the loss's own number under `mean`"),
    ("empty", "the `mean` of no items, NaN unless given"),
)


def _common() -> Section:
    """The options that every loss has."""
    head = (prose("Option"), prose("Meaning"))
    table = Table(head, tuple(((Code(name),), prose(text)) for name, text in _OPTIONS), 1)
    text = (
        "Every loss takes these options besides its own arguments. Arrays may have any strides; shapes must match, and an "
        "entry outside its argument's domain is an error that names the first one."
    )
    return Section("common", "What every call may be given", (Paragraph(prose(text)), table))
