"""What speaks against a change of a service account."""

from kyanite.rules.account_edits import AccountScope, AccountUser, edit_issues

BEFORE = AccountScope("t", frozenset({"Repository", "AzureFiles"}), frozenset({"s1", "s2"}))
REPOSITORY = AccountUser("r", "Repository", True, frozenset({"s1"}))


def scope(**changes: object) -> AccountScope:
    values: dict[str, object] = {
        "tenant_id": BEFORE.tenant_id,
        "purposes": BEFORE.purposes,
        "subscription_ids": BEFORE.subscription_ids,
        **changes,
    }
    return AccountScope(**values)  # type: ignore[arg-type]


def test_nothing_speaks_against_more() -> None:
    more = scope(purposes=BEFORE.purposes | {"VnetBackup"}, subscription_ids=None)
    assert edit_issues(BEFORE, more, [REPOSITORY]) == []


def test_a_subscription_that_was_never_in_scope_is_not_lost() -> None:
    user = AccountUser("r", "Repository", True, frozenset({"s9"}))
    assert edit_issues(BEFORE, scope(subscription_ids=frozenset({"s1"})), [user]) == []


def test_a_narrower_scope_than_everything_loses_the_rest() -> None:
    (issue,) = edit_issues(
        scope(subscription_ids=None), scope(subscription_ids=frozenset({"s2"})), [REPOSITORY]
    )
    assert (issue.type, issue.subscription_id) == ("SubscriptionDependentOnRepository", "s1")
    assert issue.is_error


def test_every_purpose_that_someone_uses_has_its_own_word() -> None:
    words = {
        "VirtualMachineBackup": "PurposeVmPolicyDependent",
        "AzureSqlBackup": "PurposeSqlPolicyDependent",
        "AzureFiles": "PurposeFilePolicyDependent",
        "VnetBackup": "PurposeVNetPolicyDependent",
        "CosmosBackup": "PurposeCosmosPolicyDependent",
    }
    for purpose, word in words.items():
        user = AccountUser("p", purpose, False)
        (issue,) = edit_issues(
            scope(purposes=frozenset({purpose})), scope(purposes=frozenset()), [user]
        )
        assert (issue.type, issue.policy) == (word, "p")
