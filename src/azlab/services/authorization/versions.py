"""The api-versions that Microsoft.Authorization takes here."""

ROLES = ("2015-07-01", "2018-07-01", "2020-04-01-preview", "2022-04-01", "2022-05-01-preview")
PERMISSIONS = ("2015-07-01", "2018-07-01", "2022-04-01", "2022-05-01-preview")
DENIALS = ("2018-07-01-preview", "2022-04-01")
LOCKS = ("2016-09-01", "2017-04-01", "2020-05-01")
