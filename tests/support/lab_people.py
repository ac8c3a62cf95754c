"""The people of the small scene, and how they sign in."""

from datetime import UTC, datetime

import requests
from azure.identity import DeviceCodeCredential

from support.lab import Azure

ADA = ("ada@lab.onmicrosoft.com", "ada-of-the-small-scene")
"""Administers the directory and owns the subscriptions."""
BERT = ("bert@lab.onmicrosoft.com", "bert-of-the-small-scene")
"""Has no role anywhere."""
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


def answer_code(azure: Azure, code: str, name: str, password: str, answer: str = "yes") -> int:
    """What a person does on the page of the directory; the status of the page."""
    page = requests.post(
        f"{azure.login}/device",
        data={"user_code": code, "username": name, "password": password, "answer": answer},
        verify=azure.ca or True,
        timeout=30,
    )
    return page.status_code


def person(
    azure: Azure, name: str, password: str, answer: str = "yes", client_id: str = AZURE_CLI
) -> DeviceCodeCredential:
    """azure-identity, with somebody who answers as soon as there is a code."""

    def prompt(uri: str, code: str, expires: datetime) -> None:
        assert uri == f"{azure.login}/device"
        assert expires > datetime.now(UTC)
        answer_code(azure, code, name, password, answer)

    return DeviceCodeCredential(
        client_id,
        tenant_id=azure.tenant_id,
        authority=azure.login,
        disable_instance_discovery=True,
        connection_verify=azure.ca or True,
        prompt_callback=prompt,
    )
