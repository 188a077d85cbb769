"""Graphs of a check: where its threads can go, who takes which lock under which, its states.

Each module makes one `render.drawing.Drawing`; the faces (command line, report) only show it.
"""
