"""The terminal inspector: the interleaving at the left, everything about the chosen step at the right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

from rich.console import Group
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, OptionList, Static, TabbedContent, TabPane
from textual.widgets.option_list import Option

from zdcheck.base.diagnostics import ZdcheckError
from zdcheck.engines.protocol import Limits
from zdcheck.inspect.explain import Relevance, race, relevance, why
from zdcheck.inspect.session import Session
from zdcheck.inspect.watch import condition_of, values_along
from zdcheck.ir.run import Run
from zdcheck.render.escape import printable
from zdcheck.trace.document import dumps
from zdcheck.trace.model import Trace
from zdcheck.tui import views

_FIND = Limits(max_states=5_000_000, timeout_s=30)

HELP = """\
left: the steps, each in its thread's column
right: what is so after the chosen step

j k, arrows  next, previous step         g G  first, last step
c C          next, previous context switch
1 .. 6       state, ledger, source, moves, properties, why
0, escape    back to the steps           tab  next pane
n N          next, previous change of what is chosen: in 1 of a
             variable, in 2 where a reference is taken or dropped
y            why is it so? (of the chosen variable or count)
/            search the steps; empty: the same again
w            watch page[0].refcount, or page[0].refcount > 1
enter        in 4: take this step instead (a new branch)
             ● possible  ✗ a violation  ○ waits, and for what
r            ten random steps from here
f F          on to a violation; to where a condition is true
b B          next branch, all branches   u    one step back
e            grey what does not matter, or not
s            save this branch as a trace
q            quit                        ?    this help
"""


class HelpScreen(ModalScreen[None]):
    """What the keys do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss", "close")
    ]

    def compose(self) -> ComposeResult:
        """One box."""
        yield Static(HELP, id="help", markup=False)


class BranchScreen(ModalScreen[int | None]):
    """All branches; the chosen one is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,B", "dismiss", "close"),
        Binding("j", "app.step(1)", "down", show=False),
        Binding("k", "app.step(-1)", "up", show=False),
    ]

    def __init__(self, session: Session, leaf: int) -> None:
        super().__init__()
        self.session, self.leaf = session, leaf
        self.leaves = [
            node.number for node in session.leaves() if node.depth or node.number == leaf
        ]

    def compose(self) -> ComposeResult:
        """A list."""
        yield OptionList(
            *(views.branch_text(self.session, leaf, leaf == self.leaf) for leaf in self.leaves),
            id="branches",
        )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """One was chosen."""
        event.stop()
        self.dismiss(self.leaves[event.option_index])


class Inspector(App[None]):
    """One session on the screen. `leaf` is the end of the branch that is shown."""

    TITLE = "zdcheck inspect"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head { height: auto; padding: 0 1; background: $panel; }
    #columns { height: 1; padding: 0 1; }
    #steps { width: 3fr; border: none; padding: 0; }
    #left { width: 3fr; }
    #right { width: 2fr; }
    OptionList { height: 1fr; border: none; }
    OptionList > .option-list--option-highlighted { background: $boost; color: $foreground; }
    OptionList:focus > .option-list--option-highlighted { background: $primary 35%; color: $foreground; }
    #prompt { display: none; dock: bottom; }
    #prompt.asked { display: block; }
    #help { width: auto; height: auto; max-height: 100%; padding: 0 2; border: round $accent; background: $surface; }
    #branches { width: 80%; height: auto; max-height: 80%; border: round $accent; background: $surface; }
    HelpScreen, BranchScreen { align: center middle; }
    TabPane { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "help"),
        Binding("q", "quit", "quit"),
        Binding("j,down", "step(1)", "step"),
        Binding("k,up", "step(-1)", "back"),
        Binding("1", "pane(0)", "panes", key_display="1-6"),
        *(Binding(str(i + 1), f"pane({i})", show=False) for i in range(1, 6)),
        Binding("0", "steps", "steps", show=False),
        Binding("g", "first", "first", show=False),
        Binding("G", "last", "last", show=False),
        Binding("c", "switch(1)", "switch", show=False),
        Binding("C", "switch(-1)", "previous switch", show=False),
        Binding("n", "change(1)", "change"),
        Binding("N", "change(-1)", "previous change", show=False),
        Binding("y", "why", "why"),
        Binding("f", "violation", "find"),
        Binding("slash", "ask('search')", "search", key_display="/"),
        Binding("w", "ask('watch')", "watch"),
        Binding("r", "wander", "random", show=False),
        Binding("F", "ask('find')", "find where", show=False),
        Binding("b", "branch", "branch"),
        Binding("B", "branches", "branches", show=False),
        Binding("u", "undo", "back", show=False),
        Binding("e", "explain", "explain"),
        Binding("s", "ask('save')", "save"),
    ]
    PANES: ClassVar[tuple[str, ...]] = ("state", "ledger", "source", "moves", "properties", "why")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.leaf = session.here
        self.watches: list[str] = []
        self.explains = True
        self.searched = ""
        self.asked = ""
        self.trace: Trace = session.trace()
        self.relevant: Relevance | None = None
        self.searching = False

    # --- layout -------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """The screen."""
        yield Static(id="head", markup=False)
        with Horizontal():
            with Vertical(id="left"):
                yield Static(id="columns", markup=False)
                yield OptionList(id="steps")
            with Vertical(id="right"), TabbedContent(id="tabs"):
                with TabPane("1 state", id="state"):
                    yield OptionList(id="items")
                with TabPane("2 ledger", id="ledger"):
                    yield OptionList(id="counts")
                with TabPane("3 source", id="source"), VerticalScroll():
                    yield Static(id="source-text")
                with TabPane("4 moves", id="moves"):
                    yield OptionList(id="moves-list")
                with TabPane("5 props", id="properties"), VerticalScroll():
                    yield Static(id="truths")
                with TabPane("6 why", id="why"), VerticalScroll():
                    yield Static(id="causes")
        yield Input(id="prompt")
        yield Footer()

    def on_mount(self) -> None:
        """Show the branch, standing where the session does."""
        self._draw_branch()
        self.query_one("#steps", OptionList).focus()

    # --- drawing ------------------------------------------------------------------------

    def _draw_branch(self) -> None:
        """Draw the branch that ends at `leaf` anew."""
        here = self.session.here
        self.session.go(self.leaf)
        self.trace = self.session.trace()
        self.relevant = self._relevance()
        self.session.go(here)
        steps = self.query_one("#steps", OptionList)
        columns = self.trace.moving
        width = max(self.size.width * 3 // 5, 40)
        relevant = self.relevant if self.explains else None
        steps.clear_options()
        steps.add_option(Option(Text("  0  the initial state", style=views.DIM)))
        steps.add_options(
            Option(views.step_text(self.trace, step, columns, width, relevant))
            for step in self.trace.steps
        )
        self.query_one("#columns", Static).update(views.head_text(self.trace, columns, width))
        self.query_one("#causes", Static).update(views.blame_text(self.trace))
        steps.highlighted = self.session.node.depth
        self._draw()

    def _relevance(self) -> Relevance | None:
        fault = self.session.fault()
        if fault is None:
            return None
        path = self.session.path()
        states = tuple(node.state for node in path if not node.failed)
        actions = tuple(node.action for node in path if node.action is not None)
        return relevance(self.session.system, states, actions, fault)

    def _draw(self) -> None:
        """Draw everything about where one stands."""
        session, trace = self.session, self.trace
        relevant = self.relevant if self.explains else None
        items = self.query_one("#items", OptionList)
        chosen = self._chosen()
        room = self.size.width * 2 // 5 - 7
        rows = views.state_rows(session.shown(), relevant, room)
        items.clear_options()
        items.add_options(Option(text, id=f"v{n}") for n, (_, text) in enumerate(rows))
        self.names = [name for name, _ in rows]
        if chosen in self.names:
            items.highlighted = self.names.index(chosen)
        counts = self.query_one("#counts", OptionList)
        count = self._count()
        ledger = session.ledger()
        self.counts = [line.count for line in ledger]
        counts.clear_options()
        counts.add_options(Option(views.ledger_row(line)) for line in ledger)
        if count in self.counts:
            counts.highlighted = self.counts.index(count)
        height = max(self.size.height - 8, 8)
        self.query_one("#source-text", Static).update(views.source_text(session, trace, height))
        self.query_one("#truths", Static).update(views.truth_table(session.truths()))
        moves = self.query_one("#moves-list", OptionList)
        moves.clear_options()
        self.moves = views.shown_moves(session.moves())
        moves.add_options(
            Option(views.move_text(move), disabled=move.word in ("blocked", "ended"))
            for move in self.moves
        )
        self.query_one("#head", Static).update(self._head())

    def _head(self) -> Group:
        trace, node = self.trace, self.session.node
        title = Text(no_wrap=True, overflow="ellipsis")
        title.append(printable(trace.check), style="bold")
        title.append(f"   {printable(trace.spec)}", style=views.DIM)
        branches = len(self.session.leaves())
        if branches > 1:
            title.append(f"   {branches} branches", style="magenta")
        place = Text(f"step {node.depth} of {len(trace.steps)}")
        if trace.blame is not None:
            place.append(f"   ends in {trace.blame.violation}: ", style=views.FAULT)
            place.append(printable(trace.blame.message), style=views.FAULT)
        lines = [title, place]
        sentence = "" if self.relevant is None else race(trace, self.relevant)
        if sentence:
            lines.append(Text(printable(sentence)))
        if not sentence or trace.loop is not None:
            lines += [
                Text(line) for line in views.fact_lines(trace)[: max(2, self.size.height // 9)]
            ]
        for watch in self.watches:
            lines.append(
                Text(f"{printable(watch)} = {printable(self._watched(watch))}", style="cyan")
            )
        return Group(*lines)

    def _watched(self, text: str) -> str:
        return values_along(self.session.lowered, self.session.run(), text)[-1]

    def _chosen(self) -> str | None:
        index = self.query_one("#items", OptionList).highlighted
        names = getattr(self, "names", [])
        return names[index] if index is not None and index < len(names) else None

    def _count(self) -> str | None:
        index = self.query_one("#counts", OptionList).highlighted
        counts = getattr(self, "counts", [])
        return counts[index] if index is not None and index < len(counts) else None

    def on_resize(self) -> None:
        """Columns and rows have other widths."""
        if not self.searching and self.query("#steps"):
            self._draw_branch()

    # --- moving along the branch --------------------------------------------------------

    def _go(self, depth: int) -> None:
        path = self.session.path(self.leaf)
        depth = max(0, min(depth, len(path) - 1))
        self.session.go(path[depth].number)
        steps = self.query_one("#steps", OptionList)
        if steps.highlighted != depth:
            steps.highlighted = depth
        self._draw()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """The cursor moved along the steps."""
        if self.searching or event.option_list.id != "steps":
            return
        if event.option_index != self.session.node.depth:
            self._go(event.option_index)

    def action_step(self, count: int) -> None:
        """So many steps on; in another list than the steps its own cursor moves."""
        focused = self.focused
        if isinstance(focused, OptionList) and focused.id != "steps":
            if count > 0:
                focused.action_cursor_down()
            else:
                focused.action_cursor_up()
            return
        self._go(self.session.node.depth + count)

    def action_first(self) -> None:
        """The initial state."""
        self._go(0)

    def action_last(self) -> None:
        """The end of the branch."""
        self._go(len(self.trace.steps))

    def action_switch(self, direction: int) -> None:
        """The next step by another thread than the one before it."""
        steps = self.trace.steps
        depth = self.session.node.depth + direction
        while 1 < depth < len(steps) and steps[depth - 1].thread == steps[depth - 2].thread:
            depth += direction
        self._go(depth)

    def action_change(self, direction: int) -> None:
        """The next step that changes the chosen variable."""
        focused = self.focused
        if focused is not None and focused.id == "counts" and (chosen := self._count()):
            found = {one.step for one in self.session.handovers(chosen, self.leaf)}
        else:
            chosen = self._chosen()
            path = self.session.path(self.leaf)
            found = {node.depth for node in path if chosen in self.session.changed(node)}
        depth = self.session.node.depth
        ahead = [step for step in found if (step - depth) * direction > 0]
        if ahead:
            self._go(min(ahead) if direction > 0 else max(ahead))
        else:
            self.notify(f"{printable(chosen or 'nothing')} does not change there")

    # --- other runs ---------------------------------------------------------------------

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A move was chosen."""
        if event.option_list.id == "moves-list":
            action = self.moves[event.option_index].action
            assert action is not None
            self.session.take(action)
            self._moved()

    def _moved(self) -> None:
        """The session went on: show the branch on which it stands."""
        self.leaf = self.session.here
        while children := self.session.children(self.leaf):
            self.leaf = children[0].number
        self._draw_branch()

    def action_wander(self) -> None:
        """Ten random steps, on a branch of its own."""
        taken = self.session.wander(10, len(self.session.nodes))
        self.notify(f"{taken} random steps")
        self._moved()

    def action_violation(self) -> None:
        """On to the nearest violation."""
        self._search(
            lambda: self.session.find_violation(_FIND), "no violation can be reached from here"
        )

    def _search(self, search: Callable[[], Run | None], nothing: str) -> None:
        """Let an engine search, in a thread so that the screen lives; keys wait until it is done."""
        if self.searching:
            self.notify("still searching", severity="warning")
            return
        self.searching = True
        self.notify("searching …", timeout=2)

        def run() -> None:
            try:
                found = search()
                self.call_from_thread(self._found, "found" if found else nothing, "information")
            except ZdcheckError as error:
                self.call_from_thread(self._found, str(error), "error")

        self.run_worker(run, thread=True)

    def _found(self, says: str, severity: Literal["information", "error"]) -> None:
        self.searching = False
        self.notify(printable(says), severity=severity)
        self._moved()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While an engine searches, nothing else may walk."""
        return not self.searching or action in ("help", "quit", "pane", "dismiss")

    def action_branch(self) -> None:
        """Show the next branch, at its end."""
        leaves = [node.number for node in self.session.leaves()]
        self.leaf = leaves[(leaves.index(self.leaf) + 1) % len(leaves)]
        self.session.go(self.leaf)
        self._draw_branch()

    def action_branches(self) -> None:
        """Choose among all branches."""

        def chosen(leaf: int | None) -> None:
            if leaf is not None:
                self.leaf = leaf
                self.session.go(leaf)
                self._draw_branch()

        self.push_screen(BranchScreen(self.session, self.leaf), chosen)

    def action_undo(self) -> None:
        """One step back, on the branch where one stands."""
        if self.session.back():
            self._go(self.session.node.depth)

    # --- asking -------------------------------------------------------------------------

    def action_ask(self, what: str) -> None:
        """Open the prompt."""
        self.asked = what
        prompt = self.query_one("#prompt", Input)
        prompt.placeholder = {
            "search": "search the steps for",
            "watch": "watch: a variable or a condition (again: forget it)",
            "find": "go on to where this is true",
            "save": "save this branch as (a file)",
        }[what]
        prompt.value = "trace.zdtrace.json" if what == "save" else ""
        prompt.add_class("asked")
        prompt.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The prompt was answered."""
        event.input.remove_class("asked")
        self.query_one("#steps", OptionList).focus()
        try:
            getattr(self, f"answer_{self.asked}")(event.value.strip())
        except (ZdcheckError, OSError) as error:
            self.notify(printable(str(error)), severity="error")

    def key_escape(self) -> None:
        """Close the prompt; back to the steps."""
        self.query_one("#prompt", Input).remove_class("asked")
        self.query_one("#steps", OptionList).focus()

    def action_steps(self) -> None:
        """Put the cursor into the steps."""
        self.query_one("#steps", OptionList).focus()

    def answer_search(self, text: str) -> None:
        """Go to the next step that has the text."""
        self.searched = text or self.searched
        steps = self.trace.steps
        depth = self.session.node.depth
        for offset in range(1, len(steps) + 1):
            step = steps[(depth + offset - 1) % len(steps)]
            body = " ".join(
                (
                    step.code,
                    step.detail,
                    *(c.variable for c in step.changes),
                    *self._thread_name(step.thread),
                )
            )
            if self.searched and self.searched in body:
                self._go(step.number)
                return
        self.notify(f"no step has {printable(self.searched)!r}")

    def _thread_name(self, thread: int) -> tuple[str, ...]:
        return (self.trace.threads[thread].name,)

    def answer_watch(self, text: str) -> None:
        """Watch an expression, or stop watching it."""
        if text in self.watches:
            self.watches.remove(text)
        elif text:
            self._watched(text)
            self.watches.append(text)
        self._draw()

    def answer_find(self, text: str) -> None:
        """On to where a condition is true."""
        condition_of(self.session.lowered, text)
        self._search(lambda: self.session.find(text, _FIND), "there is no such state from here")

    def answer_save(self, text: str) -> None:
        """Write the branch to a file."""
        path = Path(text)
        if path.exists():
            self.notify(f"{printable(text)} exists", severity="error")
            return
        path.write_text(dumps(self.trace), encoding="utf-8")
        self.notify(f"wrote {printable(text)}")

    # --- explaining ---------------------------------------------------------------------

    def action_explain(self) -> None:
        """Grey what does not matter, or stop it."""
        self.explains = not self.explains
        self._draw_branch()

    def action_why(self) -> None:
        """Where the chosen variable has its value from, or who took and dropped references."""
        focused = self.focused
        if focused is not None and focused.id == "counts" and (count := self._count()):
            handovers = self.session.handovers(count, self.leaf)
            drawn = views.handovers_text(count, handovers, self.session.node.depth)
            self.query_one("#causes", Static).update(drawn)
            self.action_pane(self.PANES.index("why"))
            return
        chosen = self._chosen()
        if chosen is None:
            self.notify("choose a variable in the state pane first")
            return
        path = self.session.path()
        states = tuple(node.state for node in path if not node.failed)
        actions = tuple(node.action for node in path if node.action is not None)
        causes = why(self.session.system, states, actions, chosen, self.session.node.depth)
        self.query_one("#causes", Static).update(views.cause_text(causes, self.trace))
        self.action_pane(self.PANES.index("why"))

    def action_pane(self, number: int) -> None:
        """Show a pane, and put the cursor into its list."""
        name = self.PANES[number]
        self.query_one("#tabs", TabbedContent).active = name
        lists = self.query_one(f"#{name}", TabPane).query(OptionList)
        (lists.first() if lists else self.query_one("#steps", OptionList)).focus()

    def action_help(self) -> None:
        """What the keys do."""
        self.push_screen(HelpScreen())
