"""The terminal interface: the app, its screens and widgets.

`screens` holds one screen a file, `widgets` one widget a file, `editing` what the label keys do and
`listing` which tweets the list shows. Imported by the command line only; this process never imports
torch, numpy or pandas, so neither `workbench.modeling` nor `workbench.analysis`.
"""
