"""RacePanel: the race with a prompt and a button, for a class and for Voila."""

from __future__ import annotations

from ipywidgets import HTML, HBox, Layout, Text, VBox

from streamwidget._client.client import ChatClient
from streamwidget.teaching._panel import Runner
from streamwidget.teaching._race import TITLES, Race, empty_place, ended, outcome_of, runners
from streamwidget.teaching._stage import Stage

_SIZE = {"height": "125px"}  # of an answer, so that a page for a class has room for the faults below it, even at 150 %


class RacePanel(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A prompt and a button that runs a race: both answers and their picture while they come, and the difference.

    Parameters
    ----------
    prompt : str
        The first prompt in the box.
    client : ChatClient, optional
        By default a client with the settings of the environment.

    Examples
    --------
    >>> import asyncio
    >>> import streamwidget as sw
    >>> from streamwidget.demo import DemoServer
    >>> from streamwidget.teaching import RacePanel
    >>> async def press_the_button():
    ...     with DemoServer() as server:
    ...         return await RacePanel("count to 3", client=sw.ChatClient(server.url)).race()
    >>> asyncio.run(press_the_button()).streamed.outcome
    'complete'
    """

    def __init__(self, prompt: str = "What is streaming?", *, client: ChatClient | None = None) -> None:
        self._client = client
        self._prompt = Text(prompt, description="Prompt", layout=Layout(width="60%"), continuous_update=False)
        self._runner = Runner("Race", self.race)
        self._place = VBox([HTML(empty_place(_SIZE))])  # the page below it stays where it is when a race begins
        super().__init__([HBox([self._prompt, self._runner.run, self._runner.stop]), self._runner.said, self._place])

    async def race(self) -> Race:
        """Run one race, like the button.

        Returns
        -------
        Race
            Both answers.

        Raises
        ------
        ConfigurationError
            If no model is chosen and the server needs one.
        """
        streams = runners(self._prompt.value.strip() or "?", self._client, None, {})
        stage = Stage(streams, TITLES, _SIZE, lambda: outcome_of(*streams).to_svg())
        self._place.children = [stage.box]
        try:
            await ended(*streams)
        finally:
            result = outcome_of(*streams)
            self._place.children = [HTML(result._shown(_SIZE)["text/html"])]
            stage.close()
        return result
