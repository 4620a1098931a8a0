"""The fault table: the catalogue's rows, and the plugin that says which of them are proven.

A test that proves a row carries ``@pytest.mark.fault("N8", "what is expected, in plain words")``, wherever it stands.
Here are those that had no better place.
"""
