"""A counterexample as one HTML file: no network, no framework, opens from a mail or a CI artifact.

`record` is everything that the page can show, as plain data; `source` colours the texts, `html`
puts them into the template. `report.js` only moves along what is in the file.
"""
