"""RacePanel: the race with a prompt and a button, for the front of a class and for Voila."""

from __future__ import annotations

from ipywidgets import HTML, HBox, Layout, Text, VBox

from streamwidget._client.client import ChatClient
from streamwidget.teaching._panel import Runner
from streamwidget.teaching._race import Race, ended, outcome_of, runners
from streamwidget.teaching._stage import Stage


class RacePanel(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Run a race at the press of a button: both streams live, then the picture.

    Parameters
    ----------
    prompt : str
        What stands in the prompt's box at first.
    client : ChatClient, optional
        Default: one with the settings of the environment.
    """

    def __init__(self, prompt: str = "What is streaming?", *, client: ChatClient | None = None) -> None:
        self._client = client
        self._prompt = Text(prompt, description="Prompt", layout=Layout(width="60%"), continuous_update=False)
        self._runner = Runner("Race", self.race)
        self._place = VBox()
        super().__init__([HBox([self._prompt, self._runner.run, self._runner.end]), self._runner.said, self._place])

    async def race(self) -> Race:
        """Run one race, as the button does."""
        streams = runners(self._prompt.value.strip() or "?", self._client, None, {})
        stage = Stage(*streams)
        self._place.children = [stage.box]
        try:
            await ended(*streams)
        finally:
            result = outcome_of(*streams)
            self._place.children = [HTML(result._repr_mimebundle_()["text/html"])]
            stage.close()
        return result
