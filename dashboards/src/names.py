"""What the labels' values are called and coloured, the same in every dashboard."""

# Meaning of a value, by thresholds.
GOOD, WARN, BAD, WORST = "#56A64B", "#F2CC0C", "#E0752D", "#C4162A"
NEUTRAL, CALM = "#8E8E8E", "#5794F2"

READY = "ready_to_send"
POST = "post_send_delivered"
STAGES = {READY: "#8F3BB8", POST: "#E02F44"}
STAGE_TEXTS = {READY: "before sending", POST: "after sending"}

# Whose pushes: those that follow chat messages, and those that operators send to all users, tags or
# UserIDs.
PUSHES = {"normal": "#1F60C4", "all_member": "#FA6400"}

# The steps of the funnel by their metric's name.
FUNNEL = {"sendable": "#8AB8FF", "sent": "#3274D9", "delivered": "#73BF69", "clicked": "#37872D"}

PLATFORMS = {
    "apns": "#4E79A7",
    "fcm": "#EDC948",
    "huawei": "#FF9DA7",
    "xiaomi": "#F28E2B",
    "oppo": "#59A14F",
    "vivo": "#76B7B2",
    "honor": "#B07AA1",
    "meizu": "#9C755F",
    "online": "#37872D",
    "unknown": "#BAB0AC",
}

# Who must act, from the classes of timpush_error_code_info: the operator's are warm.
CLASSES = {
    "credential": "#C4162A",
    "config": "#E0752D",
    "permission": "#FF9830",
    "content": "#F2CC0C",
    "quota": "#A352CC",
    "vendor_transient": "#705DA0",
    "device_state": "#5195CE",
    "token_invalid": "#82B5D8",
    "unknown": PLATFORMS["unknown"],
}

# How a call ended: what is the service's or the network's is not coloured as the operator's.
OUTCOMES = {
    "ok": "#56A64B",
    "auth": "#C4162A",
    "permission": "#FF9830",
    "not_enabled": "#E0752D",
    "bad_request": "#F2CC0C",
    "rate_limited": "#A352CC",
}
