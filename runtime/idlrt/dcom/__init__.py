"""Objects across processes and machines (MS-DCOM).

async with dcom.Exporter() as here:
    await here.listen("ncacn_ip_tcp:127.0.0.1[0]")
    print(await here.text(Calculator(), ICalculator))
"""

from idlrt.dcom.exporter import Exporter

__all__ = ["Exporter"]
