"""Random specs over the whole language, as text: what every engine and every outside checker must agree on.

`vocabulary` declares what a spec talks about, `expressions` and `statements` say things about it, `spec` puts
a file together. All choices come from one `random.Random`, so a seed is a spec, and hypothesis can stand in for it.
"""
