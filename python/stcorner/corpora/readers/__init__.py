"""One module a published corpus; each defines `READER`, and `stcorner.corpora.reader` finds it here."""
