"""RSA as Key Vault does it: making keys, showing their public half, wrapping and unwrapping."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from azlab.core.json_types import JsonObject, text_at
from azlab.services.key_vault.errors import VaultError, bad_parameter

SIZES = (2048, 3072, 4096)


def generate(size_bits: int) -> bytes:
    """A new private key as PEM."""
    return _pem(rsa.generate_private_key(65537, size_bits))


def imported(jwk: JsonObject) -> bytes:
    """The private key of a JSON web key as PEM. Raises VaultError."""
    try:
        n, e, d, p, q, dp, dq, qi = (
            int.from_bytes(decoded(text_at(jwk, name)), "big")
            for name in ("n", "e", "d", "p", "q", "dp", "dq", "qi")
        )
        numbers = rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n))
        return _pem(numbers.private_key())
    except ValueError as error:
        raise bad_parameter(f"The key material is no RSA key: {error}.") from error


def public_members(pem: bytes) -> JsonObject:
    """`n` and `e` of the public half."""
    numbers = _key(pem).public_key().public_numbers()
    return {"n": _number(numbers.n), "e": _number(numbers.e)}


def encrypt(pem: bytes, algorithm: str, value: bytes) -> bytes:
    """Encrypt (or wrap) with the public half. Raises VaultError."""
    try:
        return _key(pem).public_key().encrypt(value, _padding(algorithm))
    except ValueError as error:
        raise bad_parameter(f"The value is too long for the key: {error}.") from error


def decrypt(pem: bytes, algorithm: str, value: bytes) -> bytes:
    """Decrypt (or unwrap) with the private half. Raises VaultError."""
    try:
        return _key(pem).decrypt(value, _padding(algorithm))
    except ValueError as error:
        raise bad_parameter("The parameter is incorrect: the value cannot be decrypted.") from error


def encoded(data: bytes) -> str:
    """Base64 for URLs without padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """The opposite. Raises VaultError."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise bad_parameter("A value is not base64url.") from error


def _padding(algorithm: str) -> padding.AsymmetricPadding:
    match algorithm:
        case "RSA-OAEP-256":
            return padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        case "RSA-OAEP":
            return padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
        case "RSA1_5":
            return padding.PKCS1v15()
    raise VaultError(
        400, "BadParameter", f"The algorithm '{algorithm}' is not one of keys of type RSA here."
    )


def _number(number: int) -> str:
    return encoded(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _key(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("the vault holds a key that is not RSA")
    return key
