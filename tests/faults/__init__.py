"""The fault table: the catalogue's rows, and the plugin that checks their proofs.

A test of a row carries ``@pytest.mark.fault("N8", "what is expected, in plain words")``. It may be in any folder.
Tests without a better place are here.
"""
