"""Runs boto3 against a bedrock-sim that serves STS, and checks how boto3 parses the replies.

usage: boto3_sts.py URL
"""

import datetime
import sys

import boto3
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/path/tickets"
SESSION = "arn:aws:sts::123456789012:assumed-role/tickets/run-7"


def client(url, key="AKIDBOTO", secret="secret", token=None):
    return boto3.client(
        "sts",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


def expect_error(code, call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        equal(error.response["Error"]["Code"], code)
        return
    raise AssertionError(f"expected {code}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    url = sys.argv[1]
    user = client(url)
    caller = user.get_caller_identity()
    equal((caller["Account"], caller["Arn"]), ("123456789012", "arn:aws:iam::123456789012:user/AKIDBOTO"))

    tags = [{"Key": "team", "Value": "Straße + Söhne"}]
    answer = user.assume_role(RoleArn=ROLE, RoleSessionName="run-7", Tags=tags, DurationSeconds=7200)
    equal(answer["AssumedRoleUser"]["Arn"], SESSION)
    issued = answer["Credentials"]
    remaining = issued["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    equal(abs(remaining.total_seconds() - 7200) < 60, True)

    session = client(url, issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])
    equal(session.get_caller_identity()["Arn"], SESSION)
    session.assume_role(RoleArn=ROLE, RoleSessionName="chained", DurationSeconds=3600)
    expect_error("ValidationError", session.assume_role, RoleArn=ROLE, RoleSessionName="chained", DurationSeconds=3601)
    expect_error("ValidationError", user.assume_role, RoleArn=ROLE, RoleSessionName="no spaces")
    tags = [{"Key": "team", "Value": "a;b"}]
    expect_error("ValidationError", user.assume_role, RoleArn=ROLE, RoleSessionName="run-7", Tags=tags)

    answer = user.assume_role_with_web_identity(RoleArn=ROLE, RoleSessionName="run-7", WebIdentityToken="t.o.k.e.n")
    equal(answer["AssumedRoleUser"]["Arn"], SESSION)
    print("passed")


if __name__ == "__main__":
    main()
