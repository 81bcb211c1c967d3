//! What other live servers send for the steps of the workload, measured once, as the bars of the suite `wire`.

/// A step; the payload bytes of what each server pushes for it.
pub(crate) struct Peers {
    pub(crate) step: &'static str,
    bytes: [u32; 5],
}

impl Peers {
    const fn new(step: &'static str, bytes: [u32; 5]) -> Self {
        Peers { step, bytes }
    }

    /// The fewest bytes that any of them sends.
    pub(crate) fn fewest(&self) -> usize {
        self.bytes.iter().copied().min().unwrap_or(0) as usize
    }
}

/// Each step, as these send it: Phoenix LiveView 1.2.10 with `:for` and `:key`, with `:for` alone, with a stream; LiveView 1.0.18 with `:for`;
/// dioxus-liveview 0.7.10. Each figure is the whole payload of the WebSocket frame, without compression, and was seen to carry
/// the change.
pub(crate) const STEPS: [Peers; 29] = [
    Peers::new("nothing_changed", [0, 0, 0, 0, 37]),
    Peers::new("counter_text", [83, 83, 83, 83, 46]),
    Peers::new("counter_with_history", [174, 174, 174, 306, 124]),
    Peers::new("one_statistic", [104, 104, 104, 809, 85]),
    Peers::new("all_statistics", [234, 234, 234, 810, 175]),
    Peers::new("toggle_one_task", [124, 124, 589, 25833, 75]),
    Peers::new("rename_one_task", [134, 134, 762, 25849, 68]),
    Peers::new("append_task", [623, 623, 672, 26158, 489]),
    Peers::new("insert_task_first", [1258, 29881, 506, 26403, 445]),
    Peers::new("insert_task_middle", [1175, 16474, 778, 26768, 567]),
    Peers::new("remove_task_middle", [437, 12433, 107, 26579, 66]),
    Peers::new("move_last_task_first", [896, 29957, 660, 26579, 49]),
    Peers::new("swap_two_tasks", [112, 672, 880, 26579, 61]),
    Peers::new("reverse_tasks", [896, 29980, 37799, 26579, 549]),
    Peers::new("hide_completed", [607, 19142, 24071, 16793, 253]),
    Peers::new("show_completed", [13186, 31454, 37821, 26582, 13918]),
    Peers::new("notification_first", [256, 1693, 256, 1419, 224]),
    Peers::new("dismiss_all_notifications", [193, 193, 193, 175, 221]),
    Peers::new("one_notification_again", [352, 352, 352, 311, 340]),
    Peers::new("user_renamed", [84, 84, 84, 84, 77]),
    Peers::new("no_longer_admin", [52, 52, 52, 52, 49]),
    Peers::new("counter_reaches_maximum", [106, 106, 106, 106, 102]),
    Peers::new("loading_on", [92, 92, 92, 92, 74]),
    Peers::new("loading_off", [80, 80, 80, 80, 74]),
    Peers::new("title_changed", [63, 63, 63, 63, 2065]),
    Peers::new("history_cleared", [53, 53, 53, 53, 49]),
    Peers::new("all_tasks_cleared", [231, 231, 100, 213, 713]),
    Peers::new("first_task_again", [472, 472, 530, 396, 466]),
    Peers::new("hundred_tasks_again", [35266, 35227, 39383, 28267, 39647]),
];
