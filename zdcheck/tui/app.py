"""The terminal inspector: the interleaving at the left, everything about the chosen step at the right."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

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
from zdcheck.inspect.watch import values_along
from zdcheck.render.escape import printable
from zdcheck.trace.document import dumps
from zdcheck.trace.model import Trace
from zdcheck.tui import views

_FIND = Limits(max_states=5_000_000, timeout_s=30)

HELP = """\
j k, arrows    next, previous step           g G   first, last step
c C            next, previous context switch
tab            next pane                     1 .. 6  state, ledger, source, moves, properties, why
n N            next, previous change of the variable chosen in the state pane
y              why has the chosen variable this value?
/              search the steps; an empty search repeats the last one
w              watch an expression: `page[0].refcount`, `page[0].refcount > 1`
enter          in the moves pane: take this step instead (a new branch)
r              ten random steps from here
f F            go on to a violation; to where a condition is true
b              next branch                   u     one step back, on this branch
e              grey what the violation does not depend on, or not
s              save this branch as a trace
q              quit
"""


class HelpScreen(ModalScreen[None]):
    """What the keys do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss", "close")
    ]

    def compose(self) -> ComposeResult:
        """One box."""
        yield Static(HELP, id="help", markup=False)


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
    #prompt { display: none; dock: bottom; }
    #prompt.asked { display: block; }
    #help { width: auto; height: auto; margin: 2 4; padding: 1 2; border: round $accent; background: $surface; }
    HelpScreen { align: center middle; }
    TabPane { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "step(1)", "step", show=True, priority=False),
        Binding("k,up", "step(-1)", "back"),
        Binding("g", "first", "first", show=False),
        Binding("G", "last", "last", show=False),
        Binding("c", "switch(1)", "switch", show=False),
        Binding("C", "switch(-1)", "previous switch", show=False),
        Binding("n", "change(1)", "next change"),
        Binding("N", "change(-1)", "previous change", show=False),
        Binding("y", "why", "why"),
        Binding("slash", "ask('search')", "search"),
        Binding("w", "ask('watch')", "watch"),
        Binding("r", "wander", "random", show=False),
        Binding("f", "violation", "find violation"),
        Binding("F", "ask('find')", "find where", show=False),
        Binding("b", "branch", "branch"),
        Binding("u", "undo", "back", show=False),
        Binding("e", "explain", "explain"),
        Binding("s", "ask('save')", "save"),
        Binding("question_mark", "help", "help"),
        Binding("q", "quit", "quit"),
        *(Binding(str(i + 1), f"pane({i})", show=False) for i in range(6)),
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
                with TabPane("2 ledger", id="ledger"), VerticalScroll():
                    yield Static(id="ledger-text")
                with TabPane("3 source", id="source"), VerticalScroll():
                    yield Static(id="source-text")
                with TabPane("4 moves", id="moves"):
                    yield OptionList(id="moves-list")
                with TabPane("5 props", id="properties"), VerticalScroll():
                    yield Static(id="truths")
                with TabPane("6 why", id="why"), VerticalScroll():
                    yield Static("Choose a variable in the state pane, then press y.", id="causes")
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
        rows = views.state_rows(session.shown(), relevant)
        items.clear_options()
        items.add_options(Option(text, id=f"v{n}") for n, (_, text) in enumerate(rows))
        self.names = [name for name, _ in rows]
        if chosen in self.names:
            items.highlighted = self.names.index(chosen)
        self.query_one("#ledger-text", Static).update(views.ledger_table(session.ledger()))
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
        place = Text(f"step {node.depth} of {len(trace.steps)}", no_wrap=True, overflow="ellipsis")
        if trace.blame is not None:
            place.append(f"   ends in {trace.blame.violation}: ", style=views.FAULT)
            place.append(printable(trace.blame.message), style=views.FAULT)
        lines = [title, place]
        if self.relevant is not None and (sentence := race(trace, self.relevant)):
            lines.append(Text(printable(sentence)))
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
        if event.option_list.id == "steps" and event.option_index != self.session.node.depth:
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
        chosen = self._chosen()
        depth = self.session.node.depth + direction
        while 1 <= depth <= len(self.trace.steps):
            if any(c.variable == chosen for c in self.trace.steps[depth - 1].changes):
                self._go(depth)
                return
            depth += direction
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
        """Ten random steps."""
        taken = self.session.wander(10, len(self.session.nodes))
        self.notify(f"{taken} random steps")
        self._moved()

    def action_violation(self) -> None:
        """On to the nearest violation."""
        try:
            run = self.session.find_violation(_FIND)
        except ZdcheckError as error:
            self.notify(printable(str(error)), severity="error")
            return
        self.notify("no violation can be reached from here" if run is None else "found")
        self._moved()

    def action_branch(self) -> None:
        """Show the next branch, at its end."""
        leaves = [node.number for node in self.session.leaves()]
        self.leaf = leaves[(leaves.index(self.leaf) + 1) % len(leaves)]
        self.session.go(self.leaf)
        self._draw_branch()

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
        """Close the prompt."""
        self.query_one("#prompt", Input).remove_class("asked")
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
        run = self.session.find(text, _FIND)
        self.notify("there is no such state from here" if run is None else "found")
        self._moved()

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
        """Where the chosen variable has its value from."""
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
