"""The settings of the site."""

import os

from secretsync import resolve_config

config = resolve_config()
database = config.service("database")

SECRET_KEY = config["SECRET_KEY"]
DEBUG = config.get_bool("DEBUG", default=False)
ALLOWED_HOSTS = config.get_list("ALLOWED_HOSTS", [])
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "secretsync.integrations.django.SecretSyncConfig"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": database["ENGINE"],
        "NAME": database["NAME"],
        "PASSWORD": database["PASSWORD"],
    }
}
DEFAULT_EXCEPTION_REPORTER = "secretsync.integrations.django.MaskingExceptionReporter"
SECURE_SSL_REDIRECT = config.get_bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = config.get_int("SECURE_HSTS_SECONDS", 31536000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
# A setting as many sites have it. The system check finds a placeholder that nothing has resolved.
PAYMENT = {"options": [{"token": os.environ.get("PAYMENT_TOKEN", "")}]}

config.install_log_masking()
