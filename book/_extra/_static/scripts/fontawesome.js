/* Empty on purpose: the theme's icons come from its web font; its 1.5 MB script is not needed. */
