// Passkeys as the API writes them: bytes in base64url.

/** Signs the server's challenge by a passkey of this reader. */
export async function usePasskey(publicKey) {
  const { id, response } = await navigator.credentials.get({ publicKey: {
    ...publicKey, challenge: bytes(publicKey.challenge), allowCredentials: [],
  } });
  return { id, response: {
    clientDataJSON: base64url(response.clientDataJSON),
    authenticatorData: base64url(response.authenticatorData),
    signature: base64url(response.signature),
    userHandle: base64url(response.userHandle ?? new ArrayBuffer(0)),
  } };
}

/** Makes a passkey. */
export async function makePasskey(publicKey) {
  const { id, response } = await navigator.credentials.create({ publicKey: {
    ...publicKey,
    challenge: bytes(publicKey.challenge),
    user: { ...publicKey.user, id: bytes(publicKey.user.id) },
    excludeCredentials: publicKey.excludeCredentials.map((known) => ({ ...known, id: bytes(known.id) })),
  } });
  return { id, response: {
    clientDataJSON: base64url(response.clientDataJSON),
    authenticatorData: base64url(response.getAuthenticatorData()),
  } };
}

function bytes(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
}

function base64url(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
