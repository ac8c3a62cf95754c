"""The machine the product runs on: what it is, where it runs, what time it has.

Others may import `ApplianceFacts`, `read_facts`, `SettingRow`.
"""
