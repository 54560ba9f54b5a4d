"""The space between top bar and message line, laid out by the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.geometry import Offset, Region, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

if TYPE_CHECKING:
    from tui.screens.suite import SuiteScreen


class PlanLayout(Layout):
    """Puts each panel where the screen's plan says; panels without a place are not drawn."""

    name: ClassVar[str] = "plan"

    def arrange(
        self,
        parent: Widget,
        children: list[Widget],
        size: Size,
        greedy: bool = True,  # noqa: FBT001, FBT002
    ) -> ArrangeResult:
        """Placements of the panels that have one."""
        screen = cast("SuiteScreen", parent.screen)
        boxes = screen.plan_for(size.width, size.height).boxes
        return [
            WidgetPlacement(Region(*boxes[child.id]), Offset(0, 0), Spacing(), child)
            for child in children
            if child.id in boxes
        ]


class Body(Widget):
    """Holds the panels of a screen."""

    DEFAULT_CSS = "Body { height: 1fr; width: 100%; }"
    _plan_layout = PlanLayout()

    @property
    def layout(self) -> Layout:
        """The plan."""
        return self._plan_layout
