"""The page of `motionveil studio`: choose what to hide, look at it, run it, review it; all on this computer.

``project`` and ``workspace`` hold what somebody did, ``preview`` shows one frame, ``queue`` and ``worker`` make whole
films in a process of their own, ``guard`` keeps others out, ``app`` answers the page and ``server`` starts all of it.
"""
