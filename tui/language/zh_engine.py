# ruff: noqa: RUF001 - Chinese punctuation is meant
"""What the engine says, in Chinese.

Lines of the diary come with their name and their fields, so they are said anew from those. Other
sentences of the engine are known by their shape: English words with values between them.
"""

LINES = {
    "order.filled": ("{side}成交 {amount} @ {price}", "  第 {level} 格", "  往返 {round_trip}"),
    "order.rejected": ("{side}被拒", " @ {price}", "  第 {level} 格", "  {code}"),
    "order.unknown": (
        "{side}未获回应，正在向交易所查询，不会重发",
        " @ {price}",
        "  第 {level} 格",
        "  {code}",
    ),
    "order.resolved": ("{side}已查明", " @ {price}", "  第 {level} 格"),
    "risk.denied": ("未发送：{code}", "，{value} > {limit}"),
    "risk.daily_loss_reached": ("已达到当日亏损上限 {limit}：只发送平仓单",),
    "feed.rules_changed": ("交易所更改了 {symbol}：{change}；请重新启动，使阶梯跟随",),
    "risk.halted": ("已停机：不再发送新单",),
    "risk.released": ("已解除：可以再次发单",),
    "grid.built": ("已布置 {levels} 格阶梯",),
    "grid.reset": ("网格已重新布置：{reason}",),
    "grid.waiting": ("在 {trigger_price} 启动",),
    "grid.triggered": ("已到达 {trigger_price}",),
    "grid.trailed": ("第 {level} 格从 {old_price} 移至 {new_price}，成本 {cost}",),
    "grid.grown": ("在 {price} 增加第 {level} 格",),
    "grid.compounded": ("订单变大：本金 {capital}",),
    "grid.refused": ("没有阶梯：{reason}",),
    "grid.degraded": ("仍未平仓，再次尝试：{position}",),
    "grid.nothing_to_close": ("没有订单能平掉我们的 {position}：不再尝试",),
    "grid.initial_fill_refused": ("首单被拒，各格等待", "  第 {level} 格", "  {code}"),
    "grid.slot_delayed": ("被拒，稍后再试", "  第 {level} 格", "  {code}"),
    "grid.slot_parked": ("被拒，此格停放至您继续", "  第 {level} 格", "  {code}"),
    "grid.edited": ("{by} 修改了设置：撤销 {cancelled} 笔，保留 {kept} 笔",),
    "grid.held": ("持有中：{reason}",),
    "grid.paused": ("已暂停：挂单保留，不再发送新单",),
    "grid.resumed": ("已继续",),
    "protection.armed": ("{protection}待触发：{reason}",),
    "protection.triggered": ("{protection}已触发：{reason}",),
    "protection.cleared": ("{protection}已解除：{reason}",),
    "protection.blind": ("{protection}看不到价格：{reason}",),
    "protection.doubted": ("{protection}向交易所查询：{reason}",),
    "grid.position_found": ("交易所持有我们成交所得，或更多",),
    "grid.position_missing": ("交易所持仓比我们的成交少 {difference}：不再发送开仓单",),
    "feed.ended": ("行情已结束",),
    "bot.alarm": ("{code}：{text}",),
    "bot.clock_jumped": ("本机时钟跳动了 {seconds} 秒：在交易所报时之前不发送任何订单",),
    "bot.clock_set": ("我们的时钟移动了 {seconds} 秒：交易所现在与之一致",),
    "foreign.order": ("此账户有一笔非本程序的订单：不予处理",),
    "foreign.position": ("账户持仓多于我们的成交：不予处理",),
    "funding.paid": ("资金费 {amount}",),
    "bot.stopped": ("已停止：{text}",),
}
"""Line of the diary -> its parts; a part one of whose holes has no value is left out."""

SHAPES = (
    # 为何处于此阶段
    ("paused by {by}", "由 {by} 暂停"),
    ("stopped by {by}", "由 {by} 停止"),
    ("cancelled by {by}", "由 {by} 撤单"),
    ("flattened by {by}", "由 {by} 平仓"),
    ("halted by {by}", "由 {by} 停机"),
    ("reducing by {by}", "由 {by} 限制为只减仓"),
    ("escape", "价格已离开区间"),
    ("on_start flatten", "启动时先平仓"),
    ("starts at {price}", "在 {price} 启动"),
    (
        "stop loss: waits until the price is above {price} again",
        "止损：等待价格重新高于 {price}",
    ),
    (
        "stop loss: waits until the price is below {price} again",
        "止损：等待价格重新低于 {price}",
    ),
    (
        "the venue holds less than our fills: no entry is sent",
        "交易所持仓少于我们的成交：不再发送开仓单",
    ),
    ("no ladder: {why}", "没有阶梯：{why}"),
    ("The price is {distance} away ({share} %)", "价格还差 {distance}（{share} %）"),
    ("No order before that", "在此之前不下单"),
    ("Orders stay; nothing new is sent", "挂单保留；不再发送新单"),
    ("Nothing rests; resume builds again", "没有挂单；继续后重新布置"),
    ("Orders stay; risk lets nothing new out", "挂单保留；风控不放行新单"),
    (
        "The position is not closed yet; it is tried again",
        "持仓尚未平掉；将再次尝试",
    ),
    # 保护
    ("begins at level {level}", "从第 {level} 格开始"),
    ("arms at level {level}", "在第 {level} 格待命"),
    ("one exit for everything", "全部仓位一笔平仓"),
    ("closes at a worth of {worth}", "净值达 {worth} 时平仓"),
    ("at a worth of {worth}", "净值达 {worth} 时"),
    ("at {price} for {seconds} s", "{price} 持续 {seconds} 秒"),
    ("at {price}", "{price}"),
    ("locked beyond {price}", "越过 {price} 已锁定"),
    ("inside the range again", "已回到区间内"),
    ("{used} of {allowed} drops used", "已用 {used}/{allowed} 次下跌"),
    ("scalps at level {level}", "在第 {level} 格剥头皮"),
    ("escaped {passed} s of {all} s", "已离开 {passed}/{all} 秒"),
    ("not escaped", "未离开区间"),
    ("never re-centres", "从不重新居中"),
    # 结束的步骤
    ("{count} orders cancelled", "已撤销 {count} 笔挂单"),
    ("1 order cancelled", "已撤销 1 笔挂单"),
    ("cancelling {count} orders", "正在撤销 {count} 笔挂单"),
    ("cancelling 1 order", "正在撤销 1 笔挂单"),
    ("{count} orders kept", "保留 {count} 笔挂单"),
    ("1 order kept", "保留 1 笔挂单"),
    ("position closed", "已平仓"),
    ("closing {position}", "正在平仓 {position}"),
    ("position {position} kept", "保留持仓 {position}"),
    ("{position} left: the venue takes no order for it", "剩余 {position}：交易所不接受其订单"),
    ("nothing was open", "没有挂单或持仓"),
    # 各格的备注
    ("waits until the price is above {price}", "等待价格高于 {price}"),
    ("waits until the price is below {price}", "等待价格低于 {price}"),
    ("sent on resume", "继续后发送"),
    ("its line was taken off: it sells what it holds", "此线已取消：卖出所持"),
    ("initial fill refused: {code}", "首单被拒：{code}"),
    ("refused: {code}", "被拒：{code}"),
    ("parked: {code}", "已停放：{code}"),
)
"""A sentence with its values as holes -> the same in Chinese; the first that fits is taken."""

NAMES = {"you": "您", "buy": "买单", "sell": "卖单"}
"""Values that are words themselves."""
JOINTS = ((". ", "。"), (", ", "，"))
"""What stands between sentences, and between the parts of a list."""
