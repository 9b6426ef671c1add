"""A renderer in the browser: `page` builds it of gradio's parts, `panels` writes its HTML.

What it computes is in `dcign_tf.editing.editor`.
"""
