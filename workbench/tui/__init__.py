"""The terminal interface. Imported by the command line only.

`app` opens the `screens`, which know it by the protocol in `host` only. The list of tweets is a
`list_screen` with the keys of `listing` (filter, sort, jump) and of `editing` (label, mark, undo).
`dialogs` ask for an answer, `widgets` draw. `run_watcher`, `engine_status` and `file_commands` work
beside the screens. This process never imports torch, numpy or pandas, so neither
`workbench.modeling` nor `workbench.analysis`.
"""
